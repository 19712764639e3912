"""How far a fit can be trusted.

certificate     checks of a learned lambda: slope, bounds, curvature, inner residuals
optimism        how far the minimized validation loss lies below the loss of new rows
gap             whether lambda suits the weights of the refit
"""
