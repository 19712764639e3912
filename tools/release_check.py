"""Build the distributions, install each in an environment of its own, and try it.

    python -m tools.release_check [--public] [--tag v0.1.0] [--folder dist]

The folder then has the wheel, the source distribution and the recipe for conda.
"""

import argparse
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .conda_recipe import metadata_of, recipe

ROOT = Path(__file__).parents[1]
#: Tests that are run in the unpacked source distribution; all are collected.
SOME_TESTS = (
    "tests/test_imports.py",
    "tests/test_packaging.py",
    "tests/test_report.py",
    "tests/test_structure.py",
    "tests/losses",
    "tests/penalties",
)
#: The target of a link or a picture that an index page would look for on itself.
RELATIVE = re.compile(r'(?:\]\(|\b(?:href|src)=")(?![a-z]+:|#)[^)\s"]+')


def run(*command, cwd=ROOT):
    """Run a command and show what it says only where it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\nfailed: {' '.join(map(str, command))}")
    return done.stdout


def environment(folder, *requirements):
    """Make an environment with some packages; return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run(python, "-m", "pip", "install", "--quiet", *requirements)
    return python


def build(folder):
    """Build both distributions into a folder; return their paths."""
    # The list of files of an earlier build would be added to what MANIFEST.in says.
    for left in (folder, *ROOT.glob("*.egg-info")):
        shutil.rmtree(left, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", folder)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


def check_content(wheel, sdist):
    """Check that the wheel has the package only, the source distribution all files."""
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    tops = {name for name in tops if not name.endswith(".dist-info")}
    if tops != {"sklearn_myhpo"}:
        sys.exit(f"the wheel holds {sorted(tops)}, not only the package")
    if not (ROOT / ".git").exists():
        return
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    tracked = set(run("git", "ls-files", "-z").rstrip("\0").split("\0"))
    if missing := tracked - held:
        sys.exit(f"not in the source distribution: {sorted(missing)}")


def check_texts(wheel, sdist, public):
    """Check what an index page shows, and that addresses are real if they must be."""
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
    metadata = metadata_of(sdist)
    if dead := RELATIVE.findall(without_code(metadata.get_payload())):
        sys.exit(f"links that an index page cannot follow: {dead}")
    named = runpy.run_path(str(ROOT / "sklearn_myhpo" / "_addresses.py"))
    urls = metadata.get_all("Project-URL")
    if public and any(named["PLACEHOLDER"] in url for url in urls):
        sys.exit("set the addresses in sklearn_myhpo/_addresses.py before a release")


def without_code(text):
    """Return Markdown without its blocks of code."""
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)


def try_wheel(wheel, folder):
    """Install the wheel and try it where no checkout is."""
    python = environment(folder / "environment", f"{wheel}[plot]")
    smoke = shutil.copy(ROOT / "tools" / "smoke.py", folder)
    return run(python, "-I", smoke, cwd=folder)


def try_sdist(sdist, folder):
    """Install the source distribution, collect its tests and run some of them."""
    python = environment(folder / "environment", f"{sdist}[test,plot]")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    unpacked = folder / sdist.name.removesuffix(".tar.gz")
    pytest = (python, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    collected = run(*pytest, "--collect-only", cwd=unpacked).splitlines()[-1]
    ran = run(*pytest, *SOME_TESTS, cwd=unpacked).splitlines()[-1]
    return f"  ok: {collected}\n  ok: {ran}\n"


def in_own_folder(attempt, distribution):
    """Try a distribution in a folder of its own; return what to print."""
    with tempfile.TemporaryDirectory() as folder:
        said = attempt(distribution, Path(folder).resolve())
    return f"{distribution.name}:\n{said}"


def main():
    """Check a release."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "dist")
    parser.add_argument(
        "--public", action="store_true", help="refuse addresses that are placeholders"
    )
    parser.add_argument("--tag", help="refuse another version than that of the tag")
    options = parser.parse_args()
    start = time.monotonic()
    wheel, sdist = build(options.folder.resolve())
    if options.tag not in (None, f"v{metadata_of(sdist)['Version']}"):
        sys.exit(f"the tag {options.tag} is not that of {sdist.name}")
    check_content(wheel, sdist)
    check_texts(wheel, sdist, options.public)
    (options.folder / "recipe.yaml").write_text(recipe(sdist), encoding="utf-8")
    print(f"built {wheel.name} and {sdist.name}, with recipe.yaml")
    with ThreadPoolExecutor() as pool:
        for said in pool.map(in_own_folder, (try_wheel, try_sdist), (wheel, sdist)):
            print(said, end="", flush=True)
    print(f"{time.monotonic() - start:.0f} seconds")


if __name__ == "__main__":
    main()
