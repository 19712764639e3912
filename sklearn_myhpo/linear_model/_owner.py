"""The estimator that a user wrote: a linear model, or one that fits it inside."""


class OwnerMixin:
    """The name and the parameters of the estimator that a user wrote, for messages."""

    #: Class of the estimator that fits this one; None where the user fits it.
    _owner = None
    #: Its `Deadline`, which is older than this fit.
    _deadline = None
    #: X as that estimator got it, while it fits this one: what a splitter is given.
    _owner_rows = None

    def _name(self):
        """Return the name of the class that a user wrote."""
        return (self._owner or type(self)).__name__

    def _has_parameter(self, name):
        """Return whether a user can set a parameter."""
        return name in (self._owner or type(self))._get_param_names()
