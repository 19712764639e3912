"""Tables of learned hyperparameters in scikit-learn's diagrams, and as text."""

from html import escape

import numpy as np
from sklearn.base import BaseEstimator

try:
    from sklearn.utils._repr_html.estimator import _VisualBlock as VisualBlock
except ImportError:
    # The module of this class before scikit-learn 1.7.
    from sklearn.utils._estimator_html_repr import _VisualBlock as VisualBlock

#: Largest number of rows; a longer table shows the lowest and the highest values.
MAX_ROWS = 10

_CELL = "padding: 0.1em 0.8em; text-align: "


class LearnedHTMLMixin:
    """Addition of a table of learned hyperparameters to scikit-learn's diagram.

    Subclasses define the content of the table in `_learned`. It is in the box of the
    estimator, so that the diagram of a pipeline or a search that contains the fitted
    estimator has it too. The caption of the box names a few values.
    """

    def _learned(self):
        """Return the content of the table as text: caption, column heads, rows.

        Returns
        -------
        (str, list of str, list of list of str) or None
            The content; None if the estimator is not fitted.
        """
        raise NotImplementedError

    def _learned_in_short(self):
        """Return a line below the name of the estimator, or None.

        Returns
        -------
        str or None
            None if the estimator is not fitted, or there is nothing short to say.
        """
        return None

    def _sk_visual_block_(self):
        # scikit-learn 1.6 shows these details as text; later versions show the
        # parameters.
        details, learned = str(self), self._learned()
        if learned is not None:
            details = f"{details}\n\n{text_table(*learned)}"
        return VisualBlock(
            "single",
            self,
            names=type(self).__name__,
            name_details=details,
            name_caption=self._learned_in_short(),
        )

    def _get_params_html(self, *args, **kwargs):
        inner = super()._get_params_html(*args, **kwargs)
        return _Followed(inner, self._learned_html())

    def _repr_html_inner(self):
        return super()._repr_html_inner() + self._learned_below()

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += self._learned_below()
        return bundle

    def _learned_below(self):
        """Return the table where scikit-learn is too old for one in the box."""
        has_box = hasattr(BaseEstimator, "_get_params_html")
        return "" if has_box else self._learned_html()

    def _learned_html(self):
        learned = self._learned()
        return "" if learned is None else html_table(*learned)


class _Followed:
    """A part of a diagram, and HTML that follows it.

    Parameters
    ----------
    part : object
        With the method `_repr_html_inner`.
    html : str
    """

    def __init__(self, part, html):
        self._part, self._html = part, html

    def _repr_html_inner(self):
        return self._part._repr_html_inner() + self._html

    def __getattr__(self, name):
        if name.startswith("__") or name == "_part":
            raise AttributeError(name)
        return getattr(self._part, name)


def html_table(caption, heads, rows):
    """Return a table as HTML.

    Parameters
    ----------
    caption : str
    heads : list of str
        Of the columns; the first one is aligned left, the others right.
    rows : list of list of str
        Text, which is escaped.

    Returns
    -------
    str
    """
    lines = [
        '<table class="sklearn-myhpo-learned" style="border-collapse: collapse">',
        '<caption style="caption-side: top; text-align: left; padding: 0.4em 0">'
        f"{escape(caption)}</caption>",
        _row(heads, "th"),
        *(_row(row, "td") for row in rows),
        "</table>",
    ]
    return "\n".join(lines)


def text_table(caption, heads, rows):
    """Return the same table as text.

    Parameters
    ----------
    caption, heads, rows
        As in `html_table`.

    Returns
    -------
    str
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [caption] if caption else []
    for row in (heads, *rows):
        first, *others = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(size) for cell, size in others)]
        lines.append("  ".join(cells).rstrip())
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
