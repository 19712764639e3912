"""Functions that the objective and the data sets share."""
