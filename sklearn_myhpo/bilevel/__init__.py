"""The outer problem: what a solver may ask, and its derivatives in lambda."""
