"""Second moments of folds, and few rows in the place of many with the same moments.

fold_moments, fold_factors   moments of every fold, and their factors
passes                       the passes in which many rows are condensed
condense, condensed, condensed_design
                             the few rows that ridge learns from instead
state                        rows that come in parts and are not kept
"""
