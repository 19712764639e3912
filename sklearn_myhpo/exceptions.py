"""Warnings of the package; all are subclasses of UserWarning."""


class LambdaBoundWarning(UserWarning):
    """The validation loss has no minimum inside the bounds of lambda."""


class FlatObjectiveWarning(UserWarning):
    """The validation loss does not depend on lambda where a fit ended."""


class FewRowsWarning(UserWarning):
    """Too few rows are held out for a reliable mean loss."""


class SortedRowsWarning(UserWarning):
    """Rows are sorted by y, and folds are taken in the order of the rows."""


class RareClassWarning(UserWarning):
    """A class has fewer rows than there are folds."""


class IgnoredGroupsWarning(UserWarning):
    """Groups were given to `fit`, but nothing keeps their rows together."""
