"""MY-HPO: published form, fast form, one lambda per target."""

from .method import MYHPO

__all__ = ["MYHPO"]
