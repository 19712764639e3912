"""Interleaved fits of ours, and plain ones, at all sizes."""

import time

import numpy as np

from benchmarks.speed.judge import plain

from .sizes import BASES, N_BLOCKS, Point, load, ours, points

#: Quantities that a plain fit does not have.
OURS_ONLY = ("folds", "groups")
#: A fit of so many seconds is timed once, one of so few in a row of them.
LONG, SHORT = 5.0, 0.05
#: Seconds of a fit after which a curve ends: twice the size may take many times as
#: long. It has two sizes at least.
STOP = 10.0


def strength(model):
    """Return the options that the plain fit shares."""
    return float(model.C_ if hasattr(model, "C_") else model.alpha_)


class Timer:
    """The data of a point, and the times of our fits and of plain ones.

    Attributes
    ----------
    times : dict of str to list of float
        Seconds of the fits that were asked for.
    """

    def __init__(self, kind, point, has_plain):
        self.kind, self.point = kind, point
        self.times = {"ours": []} | ({"plain": []} if has_plain else {})

    def measure(self):
        """Time one fit of each, or some short ones."""
        X, y = load(self.kind, self.point)
        model = ours(self.kind, self.point)
        self.time("ours", model, X, y)
        if "plain" in self.times:
            solver = "auto" if self.kind == "ridge" else "lbfgs"
            self.time("plain", plain(self.kind, strength(model), solver), X, y)

    def time(self, name, model, X, y):
        """Fit at least once, for the strength; add the mean time."""
        spent = []
        while not spent or (sum(spent) < SHORT and len(spent) < 1 / SHORT):
            start = time.perf_counter()
            model.fit(X, y)
            spent.append(time.perf_counter() - start)
        self.times[name].append(float(np.mean(spent)))

    @property
    def longest(self):
        """Seconds of the longest fit so far."""
        return max(max(times, default=0.0) for times in self.times.values())


def timers_of(curves, bases):
    """Return (kind, point) -> timer; a plain fit is timed where a curve shows it."""
    with_plain = {
        (curve.kind, point)
        for curve in curves
        if curve.quantity not in OURS_ONLY
        for point in points(curve, bases)
    }
    return {
        (curve.kind, point): Timer(curve.kind, point, (curve.kind, point) in with_plain)
        for curve in curves
        for point in points(curve, bases)
    }


def measure(curves, repeats, bases=BASES):
    """Return curve -> name -> median seconds by size, repeats interleaved.

    A curve has the sizes up to the first that takes too long.
    """
    timers = timers_of(curves, bases)
    for kind in BASES["tall"]:
        # The first fit of a kind pays for what the libraries load.
        Timer(kind, Point(100, N_BLOCKS, 2), True).measure()
    found = {}
    for curve in curves:
        own = []
        for point in points(curve, bases):
            own.append(timers[curve.kind, point])
            if not own[-1].times["ours"]:
                own[-1].measure()
            if len(own) > 1 and own[-1].longest > STOP:
                break
        found[curve._replace(sizes=curve.sizes[: len(own)])] = own
    used = {id(timer): timer for own in found.values() for timer in own}
    for _ in range(repeats - 1):
        for timer in used.values():
            if timer.longest < LONG:
                timer.measure()
    return {
        curve: {
            name: [float(np.median(timer.times[name])) for timer in own]
            for name in ("ours", "plain")
            if name == "ours" or curve.quantity not in OURS_ONLY
        }
        for curve, own in found.items()
    }
