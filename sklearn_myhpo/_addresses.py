"""Public addresses of the project: the one place in which they are set.

The metadata of the package, the README on an index page, the recipe for conda, the
documentation and the links in diagrams take them from here. This module imports
nothing, because a build reads it before the package can be imported.
"""

#: Placeholder root of the addresses until the project has public ones. Nothing links
#: there.
PLACEHOLDER = "https://example.org/"
#: Root of the repository.
REPOSITORY = "https://example.org/sklearn-myhpo"
#: Root of the published documentation.
DOCUMENTATION = "https://example.org/sklearn-myhpo/documentation"


def is_public(address):
    """Whether an address is more than a placeholder."""
    return not address.startswith(PLACEHOLDER)
