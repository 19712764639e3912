"""Fits to arrays of the array API: the rows stay on their device.

`fit` sends X, y and weights to their place, `rows` learns from them in few passes,
`wide` in the space of the rows, and `outputs` forms predictions in the namespace of X.
"""
