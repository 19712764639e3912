"""Comparison of two checkouts of the package: results, time and memory."""
