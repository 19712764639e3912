"""Choices around a minimum: one standard error, shrinkage by nested splits."""
