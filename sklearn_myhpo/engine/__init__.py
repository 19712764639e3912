"""The numerical engine: solutions, Hessians and derivatives of inner problems.

plan            every choice of engine
limits          every limit of size and the costs behind the choices
build           builds the splits of a problem from rows, by the plan
whole           the same for a criterion, which holds no rows out
unpenalized     all rows of ridge beside its unpenalized features, for criteria
split           the contract of an inner problem: one training/validation pair
split_set       all splits of a problem, and the work that they share
ridge/          closed forms
    moments         second moments of every split from sums over rows
    eliminate       unpenalized features eliminated from the moments of a split
    quadratic       a split given by its moments; mean_square is its loss
    axes            axes of moments or rows, which serve other targets too
    diagonal        coordinates with diagonal Hessians for one shared lambda
    dual            splits given by products of rows, for wide X
    spectrum        singular value decomposition of all rows, for criteria
    shared_path     the loss along one lambda that many targets share
    final_weights   weights of many targets at known penalties, in batches
glm/            any smooth convex loss
    split           a split that reads rows
    factored_split_set, split_set
                    all splits, with factored Hessians or Hessian products
    passes          sums over the rows for all splits, a block at a time
    factored_newton, newton_together
                    Newton steps of all splits, by factors or conjugate gradients
    safeguards      for both: far starts, long steps and rounding
    factored_curvature, fused_hessian
                    the factored matrices; the Hessians of all splits by passes
    quadratic_model second-order models of all splits, which end a scan
    centre, near_models, near_pass, part_sums
                    models of all splits of many rows about common weights, and the
                    passes that correct them
    products        Hessians known by their products, and conjugate gradients
    shared_curvature, near_hessian
                    matrices that precondition the Hessians of all splits
    pinning         a negligible penalty for unpenalized features
    inexact         solutions of low accuracy, for HOAG
    sample          a split of some of the rows, for estimates
linalg/         Hessians as matrices, products, Krylov subspaces, Newton, L-BFGS
"""
