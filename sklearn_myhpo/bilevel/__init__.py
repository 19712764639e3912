"""The outer problem: a function of lambda, and its derivatives.

===================  ==================================================================
`contract.py`        `OuterProblem`: the questions of the driver; `Offers`
`problem.py`         `Problem`: the questions of a solver
`held_out.py`        the loss of held-out rows as such a problem
`validation.py`      `BilevelProblem`: the same from X and y; samples of its rows
`per_target.py`      `TargetsProblem`: one lambda per target, independent of each other
`evaluation.py`      `Evaluation`: a problem at one lambda, to second order
`outer.py`           gradient and second derivative in lambda
`outer_products.py`  the second derivative by products, for very many lambdas
`parts.py`           loss, groups and splits of a problem; sizes to compare with
`bounds.py`          bounds of lambda
`shrinkage.py`       the penalty that holds several lambdas together
`counts.py`          numbers of evaluations
===================  ==================================================================
"""
