"""Random problems against an independent grid of lambda."""
