"""The rows of a tensor, and those of another that validate the models of the first."""

from ..streams.joined import FIRST_ROW, JoinedSource


class JoinedTensors(JoinedSource):
    """The rows of two tensors of one home.

    Parameters
    ----------
    training, validation : TensorSource
        With the same columns.
    """

    def facts(self, rule, most, has_classes):
        """Return the `RowFacts` of all rows, whose classes are those of training rows.

        Parameters
        ----------
        rule, most, has_classes
            As in `TensorSource.facts`.
        """
        own = self.training.facts(rule, most, has_classes)
        more = self.validation.facts(rule, most, has_classes, FIRST_ROW)
        return own.plus(more)._replace(counts=own.counts)
