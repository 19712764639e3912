"""After the solver: fitted attributes, verification, summaries, frames and exports.

`reporting` sets the fitted attributes and gives the warnings of a fit, `verify`
compares the reported loss with the held-out rows, `progress` prints lines during
the fit. The other modules form what users ask a fitted model for.
"""
