"""The start of a solver: scans of one shared lambda.

`scan.py` by values and slopes, `values.py` by values alone, `newton.py` by steps from
there, `near.py` by models of many rows that end next to the minimum, `targets.py` for
one lambda per target, `alone.py` for one group at a time, `points.py` for the points of
them all.
"""
