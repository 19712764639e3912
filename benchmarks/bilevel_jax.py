"""Stochastic bilevel solvers in JAX, as a researcher would write them.

Plain steps of SOBA, SABA, SRBA and AmIGO for logistic regression, compiled by
`jax.jit`, with the features of the public benchmark of bilevel solvers: two batches of
64 rows a step, one of training and one of validation rows, contiguous in shuffled data
and in a new order every epoch; tables of SABA by batch, of zeros at first; step sizes
alpha of weights and adjoints and beta of lambda, constant but in SOBA. Single
precision, the default of JAX.
"""

import os
import time

import numpy as np

# One core; read when JAX is first imported.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
)
os.environ.setdefault("JAX_PLATFORMS", "cpu")

METHODS = ("saba", "srba", "soba", "amigo")
BATCH_SIZE = 64
#: Steps between two readings of the clock; inner steps of AmIGO per step of lambda.
CHUNK, N_INNER = 128, 10


class Compiled:
    """One method on the rows of one hold-out split.

    Parameters
    ----------
    method : {"saba", "srba", "soba", "amigo"}
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
        Two classes.
    pair : (ndarray, ndarray)
        Training and validation rows.
    is_each : bool
        Whether there is one lambda per feature, or one.

    Raises
    ------
    ImportError
        If there is no JAX.
    """

    def __init__(self, method, X, y, pair, is_each):
        import jax

        clock = time.process_time()
        self.method, self.n_groups = method, X.shape[1] if is_each else 1
        signs = np.where(y == np.max(y), 1.0, -1.0)
        rng = np.random.default_rng(0)
        self.rows = [
            (jax.numpy.asarray(X[rows], "f4"), jax.numpy.asarray(signs[rows], "f4"))
            for rows in map(rng.permutation, pair)
        ]
        jax.block_until_ready(self.rows)
        # The package's solvers copy their rows too, and these seconds count.
        self.copied = time.process_time() - clock
        self.n_batches = [-(-len(rows) // BATCH_SIZE) for rows in pair]
        self._run = jax.jit(_chunk, static_argnums=(0,))

    def start(self, lambda_):
        """Return the carried state at a lambda, and weights of zero."""
        from jax import numpy as jnp

        n_features = self.rows[0][0].shape[1]
        zeros = jnp.zeros(n_features)
        state = {
            "w": zeros,
            "q": zeros,
            # Penalties exp(x) w^2 / 2: x is lambda plus log 2.
            "x": jnp.full(self.n_groups, lambda_ + np.log(2.0), "f4"),
            "k": jnp.zeros((), "i4"),
        }
        if self.method == "saba":
            inner, outer = self.n_batches
            state["tables"] = (
                jnp.zeros((2, inner, n_features)),
                jnp.zeros((outer, n_features)),
            )
            state["means"] = jnp.zeros((2, n_features)), zeros
        return state

    def orders(self, rng):
        """Yield numbers of batches (CHUNK, 2), every one once in an epoch."""
        left = [np.empty(0, int), np.empty(0, int)]
        size = CHUNK * N_INNER * 2 if self.method == "amigo" else CHUNK
        if self.method == "srba":
            size = max(self.n_batches)
        while True:
            for part, n_batches in enumerate(self.n_batches):
                while len(left[part]) < size:
                    own = left[part], rng.permutation(n_batches)
                    left[part] = np.concatenate(own)
            yield np.stack([one[:size] for one in left], axis=1).astype("i4")
            left = [one[size:] for one in left]

    def run(self, alpha, beta, lambda_, limit):
        """Return (seconds, lambda) of every chunk until a limit in seconds.

        Seconds are those of the processor, with the copying of the rows and without the
        compilation.
        """
        import jax

        sizes = np.asarray([alpha, beta], "f4")
        orders = self.orders(np.random.default_rng(0))
        given = self.method, self.rows, sizes
        state = self.start(lambda_)
        jax.block_until_ready(self._run(*given, state, next(orders)))
        points, clock = [], time.process_time() - self.copied
        while not points or points[-1][0] < limit:
            state = jax.block_until_ready(self._run(*given, state, next(orders)))
            x = np.asarray(state["x"], dtype=float)
            points.append((time.process_time() - clock, x - np.log(2.0)))
            if not np.all(np.isfinite(x)):
                break
        return points


def _chunk(method, rows, sizes, state, orders):
    """Return the state after some steps."""
    from jax import lax

    steps = {"saba": _saba, "soba": _soba}
    if method in steps:

        def step(state, numbers):
            return steps[method](rows, sizes, state, numbers), None

        return lax.scan(step, state, orders)[0]
    if method == "srba":
        return _srba(rows, sizes, state, orders)

    def loop(state, numbers):
        return _amigo(rows, sizes, state, numbers), None

    return lax.scan(loop, state, orders.reshape(-1, 2 * N_INNER, 2))[0]


def _batch(part, number):
    """Return the rows of a batch; the last one overlaps with the one before."""
    from jax import lax

    X, y = part
    size = min(BATCH_SIZE, len(y))
    start = number * BATCH_SIZE
    return (
        lax.dynamic_slice_in_dim(X, start, size),
        lax.dynamic_slice_in_dim(y, start, size),
    )


def _slopes(part, w):
    """Return the slopes of the mean loss in raw predictions, and its curvatures."""
    from jax import nn

    X, y = part
    chance = nn.sigmoid(-y * (X @ w))
    return -y * chance / len(y), chance * (1.0 - chance) / len(y)


def _training(part, w, q):
    """Return the gradient of the data term, and its Hessian applied to q."""
    from jax import numpy as jnp

    slope, curvature = _slopes(part, w)
    return jnp.stack([slope, curvature * (part[0] @ q)]) @ part[0]


def _validation(part, w):
    """Return the gradient of the validation loss."""
    return _slopes(part, w)[0] @ part[0]


def _penalty(x):
    from jax import numpy as jnp

    return jnp.exp(x)


def _moved(sizes, state, training, validation, factor=1.0):
    """Return the state after a step on all three along given directions."""
    alpha, beta = factor * sizes[0], factor * sizes[1]
    w, q, x = state["w"], state["q"], state["x"]
    penalty = _penalty(x)
    slope = -penalty * w * q
    return state | {
        "w": w - alpha * (training[0] + penalty * w),
        "q": q - alpha * (training[1] + penalty * q - validation),
        "x": x - beta * (slope if len(x) > 1 else slope.sum(keepdims=True)),
        "k": state["k"] + 1,
    }


def _soba(rows, sizes, state, numbers):
    from jax import numpy as jnp

    parts = map(_batch, rows, numbers)
    training = _training(next(parts), state["w"], state["q"])
    validation = _validation(next(parts), state["w"])
    factor = 1.0 / jnp.sqrt(state["k"] + 1.0)
    return _moved(sizes, state, training, validation, factor)


def _saba(rows, sizes, state, numbers):
    inner, outer = map(_batch, rows, numbers)
    found = _training(inner, state["w"], state["q"]), _validation(outer, state["w"])
    tables, means, directions = [], [], []
    for new, table, mean, number in zip(
        found, state["tables"], state["means"], numbers, strict=True
    ):
        change = new - table[..., number, :]
        directions.append(change + mean)
        means.append(mean + change / table.shape[-2])
        tables.append(table.at[..., number, :].set(new))
    state = state | {"tables": tuple(tables), "means": tuple(means)}
    return _moved(sizes, state, *directions)


def _srba(rows, sizes, state, orders):
    """Return the state after a period: a pass over all rows, then batches."""
    from jax import lax

    directions = (
        _training(rows[0], state["w"], state["q"]),
        _validation(rows[1], state["w"]),
    )

    def step(carry, numbers):
        before, now, directions = carry
        inner, outer = map(_batch, rows, numbers)
        training, validation = directions
        training = training + _training(inner, now["w"], now["q"])
        training = training - _training(inner, before["w"], before["q"])
        validation = validation + _validation(outer, now["w"])
        validation = validation - _validation(outer, before["w"])
        directions = training, validation
        return (now, _moved(sizes, now, *directions), directions), None

    carry = state, _moved(sizes, state, *directions), directions
    return lax.scan(step, carry, orders)[0][1]


def _amigo(rows, sizes, state, numbers):
    """Return the state after inner loops on w and on q and a step on lambda."""
    from jax import lax

    alpha, penalty = sizes[0], _penalty(state["x"])

    def on_weights(w, number):
        part = _batch(rows[0], number)
        slope = _slopes(part, w)[0] @ part[0]
        return w - alpha * (slope + penalty * w), None

    w = lax.scan(on_weights, state["w"], numbers[:N_INNER, 0])[0]
    validation = _validation(_batch(rows[1], numbers[0, 1]), w)

    def on_adjoints(q, number):
        part = _batch(rows[0], number)
        curved = (_slopes(part, w)[1] * (part[0] @ q)) @ part[0]
        return q - alpha * (curved + penalty * q - validation), None

    q = lax.scan(on_adjoints, state["q"], numbers[N_INNER:, 0])[0]
    slope = -penalty * w * q
    slope = slope if len(state["x"]) > 1 else slope.sum(keepdims=True)
    return state | {"w": w, "q": q, "x": state["x"] - sizes[1] * slope}
