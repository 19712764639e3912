"""Steps and models that several solvers share."""
