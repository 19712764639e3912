"""Run jobs in parallel; every finished one is a line of the results file."""

import json
from dataclasses import asdict
from pathlib import Path

from joblib import Parallel, delayed

from . import baselines, methods
from .settings import Job
from .tasks import make_task


def key_of(job):
    """Return what identifies a job: all of its settings."""
    return json.dumps(asdict(job), sort_keys=True)


def run_job(job, task=None):
    """Return one line of the results file.

    A library that is not installed gives `skipped` and its name.
    """
    line = {"job": asdict(job)}
    if task is None:
        task = make_task(job.data, job.seed, job.preprocessing)
    try:
        record, trace = methods.run(task, job)
    except baselines.MissingLibraryError as error:
        return line | {"skipped": str(error)}
    line |= {"record": record, "trace": trace}
    # The caller gets the same numbers as a later reader of the file.
    return json.loads(json.dumps(line, allow_nan=False))


def read_results(path):
    """Return key -> line of a results file; a line cut short is left out."""
    results = {}
    if not Path(path).exists():
        return results
    for text in Path(path).read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            continue
        results[json.dumps(line["job"], sort_keys=True)] = line
    return results


def run_jobs(jobs, path, n_jobs=1, tasks=None, progress=True):
    """Run what the results file does not hold yet, and return all lines.

    Parameters
    ----------
    jobs : list of Job
        What is wanted.
    path : str or Path
        The results file, JSON lines; it is appended to.
    n_jobs : int
        Processes.
    tasks : callable, optional
        Job -> Task, in place of the data sets.
    progress : bool
        Whether to draw a progress bar, where tqdm is installed.

    Returns
    -------
    list of dict
        In the order of `jobs`.
    """
    path = Path(path)
    done = read_results(path)
    missing = [job for job in jobs if key_of(job) not in done]
    calls = (delayed(run_job)(job, tasks(job) if tasks else None) for job in missing)
    lines = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(calls)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        _end_line(file)
        for line in _with_bar(lines, len(missing), progress):
            done[json.dumps(line["job"], sort_keys=True)] = line
            # A library may be installed before the next run: not kept.
            if "skipped" not in line:
                file.write(json.dumps(line) + "\n")
                file.flush()
    return [done[key_of(job)] for job in jobs]


def _end_line(file):
    """Start a new line where an interrupted run has left half of one."""
    if file.tell():
        file.seek(file.tell() - 1)
        if file.read(1) != "\n":
            file.write("\n")


def _with_bar(lines, total, progress):
    try:
        from tqdm import tqdm
    except ImportError:
        return lines
    return tqdm(lines, total=total, disable=not progress or not total, unit="job")


__all__ = ["Job", "key_of", "read_results", "run_job", "run_jobs"]
