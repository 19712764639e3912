"""Choices of lambda and shrinkage near a minimum.

one_standard_error
                the strongest penalty that is about as good as the best
nested          shrinkage by nested splits
"""
