"""Print the recipe for conda-forge of a source distribution.

    python -m tools.conda_recipe dist/sklearn_myhpo-0.1.0.tar.gz

Everything in it is stated elsewhere: name, version, texts and dependencies in the
metadata of the distribution, the address in sklearn_myhpo/_addresses.py.
"""

import hashlib
import sys
import tarfile
from email import message_from_bytes
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

RECIPE = """\
schema_version: 1

context:
  version: "{version}"
  python_min: "{python}"

package:
  name: {name}
  version: ${{{{ version }}}}

source:
  url: {source}/releases/download/v${{{{ version }}}}/{stem}-${{{{ version }}}}.tar.gz
  sha256: {sha256}

build:
  number: 0
  noarch: python
  script: ${{{{ PYTHON }}}} -m pip install . -vv --no-deps --no-build-isolation

requirements:
  host:
    - python ${{{{ python_min }}}}.*
    - pip
    - setuptools >=77
  run:
    - python >=${{{{ python_min }}}}
{dependencies}

tests:
  - python:
      imports:
        - sklearn_myhpo
        - sklearn_myhpo.datasets
        - sklearn_myhpo.plotting
        - sklearn_myhpo.solvers
      pip_check: true
      python_version: ${{{{ python_min }}}}.*

about:
  homepage: {source}
  documentation: {documentation}
  license: {license}
  license_file: LICENSE
  summary: {summary}

extra:
  recipe-maintainers: []
"""


def metadata_of(sdist):
    """Return the metadata of a source distribution."""
    root = sdist.name.removesuffix(".tar.gz")
    with tarfile.open(sdist) as archive:
        return message_from_bytes(archive.extractfile(f"{root}/PKG-INFO").read())


def minimum(python):
    """Return the oldest version that requires-python allows."""
    (only,) = SpecifierSet(python)
    return only.version


def dependencies_of(metadata):
    """Return what the package needs without extras, as conda spells it."""
    found = [Requirement(text) for text in metadata.get_all("Requires-Dist")]
    return [f"{one.name} {one.specifier}" for one in found if one.marker is None]


def recipe(sdist):
    """Return the recipe.

    Parameters
    ----------
    sdist : Path
        A source distribution.

    Returns
    -------
    str
        In the format of recipes with ``schema_version: 1``.
    """
    metadata = metadata_of(sdist)
    urls = dict(text.split(", ") for text in metadata.get_all("Project-URL"))
    dependencies = dependencies_of(metadata)
    return RECIPE.format(
        name=metadata["Name"],
        stem=metadata["Name"].replace("-", "_"),
        version=metadata["Version"],
        python=minimum(metadata["Requires-Python"]),
        source=urls["Source"],
        documentation=urls["Documentation"],
        sha256=hashlib.sha256(sdist.read_bytes()).hexdigest(),
        dependencies="\n".join(f"    - {one}" for one in dependencies),
        license=metadata["License-Expression"],
        summary=metadata["Summary"],
    )


if __name__ == "__main__":
    print(recipe(Path(sys.argv[1])), end="")
