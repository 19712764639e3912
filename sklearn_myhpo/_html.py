"""A table of learned hyperparameters below scikit-learn's diagram in notebooks."""

from html import escape

import numpy as np

#: Largest number of rows; a longer table shows the lowest and the highest values.
MAX_ROWS = 10

_CELL = "padding: 0.1em 0.8em; text-align: "


class LearnedHTMLMixin:
    """Addition of a table of learned hyperparameters to scikit-learn's diagram.

    Subclasses define the content of the table in `_learned`. In the diagram of a
    pipeline or a search the table is left out.
    """

    def _learned(self):
        """Return the content of the table as text: caption, column heads, rows.

        Returns
        -------
        (str, list of str, list of list of str) or None
            The content; None if the estimator is not fitted.
        """
        raise NotImplementedError

    def _repr_html_inner(self):
        return super()._repr_html_inner() + self._learned_html()

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += self._learned_html()
        return bundle

    def _learned_html(self):
        learned = self._learned()
        if learned is None:
            return ""
        caption, heads, rows = learned
        lines = [
            '<table class="sklearn-myhpo-learned" style="border-collapse: collapse">',
            '<caption style="caption-side: top; text-align: left; padding: 0.4em 0">'
            f"{escape(caption)}</caption>",
            _row(heads, "th"),
            *(_row(row, "td") for row in rows),
            "</table>",
        ]
        return "\n".join(lines)


def _row(cells, tag):
    # The first cell is a name, aligned left; the others are numbers.
    aligned = zip(cells, ["left"] + ["right"] * (len(cells) - 1), strict=True)
    inner = "".join(
        f'<{tag} style="{_CELL}{side}">{escape(cell)}</{tag}>' for cell, side in aligned
    )
    return f"<tr>{inner}</tr>"


def indices_to_show(values):
    """Return the indices of the rows of the table.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Learned hyperparameters.

    Returns
    -------
    ndarray of int
        All indices in their order, if they are at most `MAX_ROWS`; else the indices of
        the lowest and the highest values, in increasing order of the values.
    """
    if len(values) <= MAX_ROWS:
        return np.arange(len(values))
    order = np.argsort(values, kind="stable")
    return np.concatenate([order[: MAX_ROWS // 2], order[-(MAX_ROWS // 2) :]])
