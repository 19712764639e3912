"""Self-Tuning Networks for linear models."""

from .method import STN

__all__ = ["STN"]
