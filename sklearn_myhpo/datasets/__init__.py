"""Data sets of the MY-HPO paper, and their splits into three parts."""

from .cookie import fetch_cookie
from .gtsrb import fetch_gtsrb_hog
from .mnist import fetch_mnist
from .splits import paper_split

__all__ = ["fetch_cookie", "fetch_gtsrb_hog", "fetch_mnist", "paper_split"]
