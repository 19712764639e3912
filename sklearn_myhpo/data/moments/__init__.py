"""Second moments of folds, and few condensed rows with the same moments.

fold_moments, fold_factors   moments of every fold, and their factors
filling                      rows in the units of the moments, and their parts
passes                       the passes in which many rows are condensed
condense, condensed, condensed_design
                             the condensed rows, from which ridge learns
few_rows                     the same of many targets, read some at a time
state                        the state of `partial_fit`, which keeps no rows
"""
