"""AmIGO: inner loops on w and on q before every step of lambda.

Arbel & Mairal (2022), Amortized implicit differentiation for stochastic bilevel
optimization, arXiv:2111.14580, Algorithms 1 to 3.
"""

from .walk import Rule


class AmIGO(Rule):
    """`n_inner_steps` on w, then on q, each from its last value.

    While q steps, the validation gradient of one batch is kept; every step draws a new
    batch for the Hessian.
    """

    has_inner_loops = True
    #: Whether q starts from zero before every step of lambda.
    restarts = False

    def epoch(self, walk, memory):
        """Return None after about one epoch of batches."""
        n_inner = walk.n_inner
        n_steps = 2 * n_inner + 1
        for numbers in walk.rounds(n_steps + walk.n_outer):
            factor = walk.falling
            self.step(walk, numbers[:n_steps], n_inner, factor)
            pull = walk.pull(numbers[n_steps:])
            lambda_ = walk.stepped(factor=factor, pull=pull)
            walk.n_steps += 1
            walk.go_to(lambda_)

    def step(self, walk, numbers, n_inner, factor):
        """Run the inner loops at one lambda."""
        n_batches, (w, q) = len(walk.batches), walk.z
        scale, penalty = factor * walk.scale, walk.penalty
        for batch in walk.visit(numbers[:n_inner], "n_train_gradients"):
            slopes = batch.train * batch.slopes(batch.forward(w))
            w -= scale * (n_batches * batch.adjoint(slopes) + penalty * w)
        one = numbers[n_inner : n_inner + 1]
        for batch in walk.visit(one, "n_validation_gradients"):
            slopes = batch.held_out * batch.slopes(batch.forward(w))
            held_out = n_batches * batch.adjoint(slopes)
        if self.restarts:
            q[...] = 0.0
        for batch in walk.visit(numbers[n_inner + 1 :], "n_hessian_products"):
            raw = batch.forward(walk.z)
            bent = batch.train * batch.slopes_and_bent(*raw)[1]
            gradient = n_batches * batch.adjoint(bent) + penalty * q - held_out
            q -= scale * gradient
