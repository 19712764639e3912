"""Any smooth convex loss: Newton steps, Hessian products, preconditioners."""
