"""Rows in arrays of other libraries, such as tensors on a GPU, by the array API.

arrays   which arrays are taken, where they live, and the only way to the host
source   the rows of a tensor as a `RowSource`: tasks in its namespace, sums to the host
moments  tasks of ridge regression in the namespace of a tensor
rows     rows of a fold as a linear map in the namespace of a tensor
"""
