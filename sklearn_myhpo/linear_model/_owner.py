"""The user's estimator: a linear model, or one that contains it."""


class OwnerMixin:
    """The name and the parameters of the user's estimator, for messages."""

    #: Class of the estimator that contains this one; None if the user fits it directly.
    _owner = None
    #: The `Deadline` of that estimator, which began before this fit.
    _deadline = None
    #: X as given to that estimator, for splitters.
    _owner_rows = None

    def _name(self):
        """Return the name of the class of the user's estimator."""
        return (self._owner or type(self)).__name__

    def _has_parameter(self, name):
        """Return whether a user can set a parameter."""
        return name in (self._owner or type(self))._get_param_names()
