"""Links from scikit-learn's diagrams to the documentation of this package."""

import sys

from . import _addresses


class DocumentationLinkMixin:
    """Link from an estimator's diagram to its page; a base before `BaseEstimator`."""

    _doc_link_module = __name__.partition(".")[0]

    def _doc_link_url_param_generator(self):
        """Return the name of the estimator's page: its import path."""
        name = type(self).__name__
        parts = type(self).__module__.split(".")
        homes = [".".join(parts[: size + 1]) for size in range(len(parts))]
        public = (h for h in homes if getattr(sys.modules[h], name, None) is type(self))
        return {"page": f"{next(public)}.{name}"}

    @property
    def _doc_link_template(self):
        return f"{_addresses.DOCUMENTATION}/generated/{{page}}.html"

    def _get_doc_link(self):
        is_published = _addresses.is_public(_addresses.DOCUMENTATION)
        return super()._get_doc_link() if is_published else ""
