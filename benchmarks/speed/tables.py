"""The tables of the page."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from threadpoolctl import threadpool_info

from benchmarks.page import markdown, rounded

HEAD = [
    "data",
    "tool",
    "strength",
    "CV loss",
    "test loss",
    "seconds",
    "/ plain fit",
    "/ ours",
    "memory / X",
]
#: The kind of every number.
KINDS = {
    "cv_loss": "loss",
    "test_loss": "loss",
    "seconds": "seconds",
    "per_plain": "ratio",
    "per_ours": "ratio",
    "memory": "memory",
}
PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "himalaya",
    "optuna",
    "bbai",
    "fastridge",
    "python-glmnet",
    "snapml",
    "pygam",
    "glum",
)


def cells(row):
    """Return the cells of a row; a note stands where the seconds would."""
    numbers = [
        "" if getattr(row, name) is None else rounded(getattr(row, name), kind)
        for name, kind in KINDS.items()
    ]
    if row.note:
        numbers[list(KINDS).index("seconds")] = row.note.replace("|", "/")
    return [row.data, row.tool, row.strength, *numbers]


def table(rows):
    """Return some rows as a table in Markdown."""
    return markdown(HEAD, [cells(row) for row in rows])


def render(rows, left_out=()):
    """Return a table per section, what was left out, and the machine."""
    sections = {}
    for row in rows:
        sections.setdefault(row.section, []).append(row)
    parts = [f"### {name}\n\n{table(part)}" for name, part in sections.items()]
    parts += [f"Left out: {text}" for text in left_out]
    return "\n\n".join([*parts, f"Measured on: {machine()}."])


def machine():
    """Return what the numbers were measured on, in words."""
    threads = max((pool["num_threads"] for pool in threadpool_info()), default=1)
    versions = ", ".join(f"{name} {installed(name)}" for name in PACKAGES)
    return (
        f"{processor()}, {os.cpu_count()} cores, {threads} threads, "
        f"{platform.system()}, Python {platform.python_version()}, {versions}"
    )


def processor():
    """Return the model of the processor where the system tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    models = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return models[0] if models else platform.processor() or platform.machine()


def installed(package):
    """Return a version, or that there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
