"""Rows in arrays of other libraries, such as tensors on a GPU, by the array API.

arrays   which arrays are taken, where they live, and the only way to the host
checks   which tensors are refused, and why
memory   what to do where a device has too little
source   the rows of a tensor as a `RowSource`: tasks in its namespace, sums to the host
joined   the rows of a tensor and those of a validation set
moments  tasks of ridge regression in the namespace of a tensor
rows     rows of a fold as a linear map in the namespace of a tensor
"""
