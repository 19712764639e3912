"""Warnings of the package."""


class LambdaBoundWarning(UserWarning):
    """The validation loss has no minimum inside the bounds of lambda."""


class FlatObjectiveWarning(UserWarning):
    """The validation loss says nothing about lambda where a fit ended."""


class FewRowsWarning(UserWarning):
    """Too few rows are held out for their mean loss to say much."""
