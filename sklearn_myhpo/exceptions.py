"""Warnings of the package."""


class LambdaBoundWarning(UserWarning):
    """The validation loss has no minimum inside the bounds of lambda."""
