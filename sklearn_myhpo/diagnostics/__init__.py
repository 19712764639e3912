"""Checks and estimates that show how far to trust a fit.

certificate     checks of a learned lambda: slope, bounds, curvature, inner residuals
optimism        how far the minimized validation loss lies below the loss of new rows
posterior       degrees of freedom, and variances of ridge weights
share           shares of the features in the variance of the prediction
baseline        the loss of held-out rows without features
gap             whether lambda suits the weights of the refit
"""
