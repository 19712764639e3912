"""The version: the one place in which it is set. Imports nothing, for the build."""

__version__ = "0.1.0"
