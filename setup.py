"""The metadata that other files hold: addresses, and the README with them.

Everything else is in pyproject.toml.
"""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parent
#: The target of a link or a picture: in Markdown, or an attribute of HTML.
TARGET = re.compile(r'(\]\(|\b(?:href|src|srcset)=")([^)\s"#]+)')
PICTURES = (".gif", ".jpg", ".png", ".svg", ".webp")


def stated(name):
    """Return the names of a file of the package that imports nothing."""
    return runpy.run_path(str(ROOT / "sklearn_myhpo" / name))


def urls():
    """Return the public addresses, under the names that index pages know."""
    found = stated("_addresses.py")
    repository = found["REPOSITORY"]
    return {
        "Homepage": repository,
        "Documentation": found["DOCUMENTATION"],
        "Source": repository,
        "Issues": f"{repository}/issues",
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
    }


def for_index_page(text, repository, tag):
    """Return Markdown whose links and pictures work outside the repository.

    Parameters
    ----------
    text : str
        With targets that are paths of the repository.
    repository : str
        Its address.
    tag : str
        Of the version that the targets are taken from.

    Returns
    -------
    str
    """

    def absolute(found):
        before, target = found.groups()
        if not (ROOT / target).exists():
            return found.group()
        kind = "raw" if target.endswith(PICTURES) else "blob"
        return f"{before}{repository}/{kind}/{tag}/{target}"

    return TARGET.sub(absolute, text)


if __name__ == "__main__":
    from setuptools import setup

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    version = stated("_version.py")["__version__"]
    setup(
        version=version,
        project_urls=urls(),
        long_description=for_index_page(readme, urls()["Source"], f"v{version}"),
        long_description_content_type="text/markdown",
    )
