"""Fits to rows beyond memory: batches, Dask collections, rows formed in blocks.

`batches`, `dask` and `formed` take X, `sources` decides between few passes
(`moments` for ridge, `fit` and `criterion` for the other losses, each from the
sample of `start`) and rows kept in memory.
"""
