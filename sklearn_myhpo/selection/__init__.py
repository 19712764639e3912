"""Choices around a minimum.

one_standard_error
                the strongest penalty that is as good as the best
nested          shrinkage by splits within splits
"""
