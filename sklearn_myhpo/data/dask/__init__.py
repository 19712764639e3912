"""Rows in the collections of Dask: a task per block, and a tree of their sums.

source         a `RowSource` of a collection
blocks         the parts of arrays and frames, matched to each other
graph, tasks   one task per block, and the tree that adds up their results
watch          progress of a pass, also after the loss of a worker
lazy           predictions as lazy arrays
"""
