"""Steps that several solvers share.

======================  ===============================================================
`acceptance.py`         the rule by which a step on lambda is judged
`newton.py`             Newton steps in a trust region: `Implicit`
`quasi_newton.py`       L-BFGS steps: `Implicit`
`nystrom.py`            steps along approximated hypergradients: `Implicit`
`lanczos.py`            steps with a growing Krylov subspace: `Implicit`
`slopes.py`             hypergradients from adjoints, and bounds of the curvature
`descent.py`            L-BFGS on a function with any gradient: `Unrolled`, `SHOGlobal`
`lbfgs_direction.py`    their common direction
`box.py`                a quadratic model minimized between bounds
`model_steps.py`        steps by models of passes over rows beyond memory
`trust.py`              how far a pass may move lambda, and where it goes back
`unroll.py`             derivatives through steps of gradient descent: `Unrolled`
`hypernetwork.py`       a network from lambda to weights, and Adam: `SHOGlobal`
`packing.py`            the weights of all splits as one vector
======================  ===============================================================
"""
