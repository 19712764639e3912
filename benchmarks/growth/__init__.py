"""How the cost of a fit grows with rows, features, classes, folds and groups.

One of the five is doubled at a time from a base point, tall or wide. The exponent is
the slope of log time against log size over the last doublings: 1 is proportional, 2 is
fourfold at each doubling. A plain fit of scikit-learn, at the strength that ours
learned on the same data, is timed in the same run; it has neither folds nor groups. In
place of classes ridge has targets.

    python -m benchmarks.growth [--repeats 3] [--page doc/performance.md]
"""
