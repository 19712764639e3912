"""Cost of a self-tuning step beside a plain training step of the same module.

A plain step is a forward and a backward pass, clipping and a step of gradient descent
with momentum, by the same fused optimizer. A self-tuning step trains weights and
response; its cost is the mean over the steps of a phase, of which the last trains the
response of the centred form. "With tuning" adds the tuning steps, one for every two
training steps, as published. Times are of the processor on one thread, medians of
rounds in which all take turns. A turn has many steps of one kind, as a training has:
code that is not in the cache costs small modules as much as their numbers.

    python -m benchmarks.stn_overhead [--rounds 15] [--page doc/self_tuning_modules.md]
"""

import argparse
import statistics
import time
from functools import partial

import torch
from torch import nn

from benchmarks import page
from sklearn_myhpo.neural_network import STNClassifier
from sklearn_myhpo.neural_network._fit import make_tuner
from sklearn_myhpo.neural_network._module_fit import assemble

#: Forms, whether the rows of a batch share a perturbation, and limits of a step.
FORMS = [("centred", False, 2.2), ("centred", True, 2.2)]
FORMS += [("published", False, 1.5), ("published", True, 1.5)]
#: Training steps in a phase.
PHASE = 2
#: Seconds of plain steps in a turn, or one phase if it takes longer.
TURN = 0.02


class Characters(nn.Module):
    """A language model of characters."""

    def __init__(self, hidden):
        super().__init__()
        self.embedding = nn.Embedding(60, 32)
        self.lstm = nn.LSTM(32, hidden, batch_first=True)
        self.drop, self.last = nn.Dropout(0.1), nn.Linear(hidden, 60)

    def forward(self, x):
        return self.last(self.drop(self.lstm(self.embedding(x))[0])).transpose(1, 2)


class Words(nn.Module):
    """A classifier of texts by the mean vector of their words."""

    def __init__(self, width):
        super().__init__()
        self.embedding = nn.Embedding(2000, width)
        self.drop, self.last = nn.Dropout(0.1), nn.Linear(width, 10)

    def forward(self, x):
        return self.last(self.drop(self.embedding(x).mean(dim=1)))


def images():
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.1), nn.Linear(32 * 49, 128), nn.ReLU()),
        *(nn.Dropout(0.1), nn.Linear(128, 10)),
    )


def perceptron(n_features, width):
    return nn.Sequential(
        *(nn.Dropout(0.1), nn.Linear(n_features, width), nn.ReLU()),
        *(nn.Dropout(0.1), nn.Linear(width, width), nn.ReLU()),
        *(nn.Dropout(0.1), nn.Linear(width, 10)),
    )


def image_case(n):
    return images(), torch.randn(n, 1, 28, 28), torch.randint(0, 10, (n,))


def text_case(n, hidden):
    x, y = torch.randint(0, 60, (2, n, 50))
    return Characters(hidden), x, y


def word_case(n, width):
    return Words(width), torch.randint(0, 2000, (n, 40)), torch.randint(0, 10, (n,))


def vector_case(n, width, n_features=784):
    x, y = torch.randn(n, n_features), torch.randint(0, 10, (n,))
    return perceptron(n_features, width), x, y


#: Modules, with a batch of each, by name.
CASES = {
    **{f"CNN, {n} rows": partial(image_case, n) for n in (32, 128)},
    **{
        f"Embedding, {n} texts, {width} units": partial(word_case, n, width)
        for n, width in ((8, 16), (128, 64))
    },
    **{
        f"LSTM, {n} sequences, {hidden} units": partial(text_case, n, hidden)
        for n, hidden in ((32, 64), (64, 128), (128, 256))
    },
    **{
        f"MLP, {n} rows, {width} units, 20 features": partial(vector_case, n, width, 20)
        for n, width in ((8, 10), (32, 50))
    },
    **{
        f"MLP, {n} rows, {width} units": partial(vector_case, n, width)
        for n, width in ((32, 256), (128, 64), (128, 256), (512, 256), (128, 1024))
    },
}


def plain_step(module, x, y):
    """Return a function that takes a plain step."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9, fused=True)

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(x), y).backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 5.0)
        optimizer.step()

    return step


def self_tuning_steps(module, x, y, form, is_shared):
    """Return functions that take the training steps of a phase, and a tuning step."""
    model = STNClassifier(module, form=form)
    network, plan, form, generator = assemble(model, module, 0, torch.device("cpu"))
    tuner = make_tuner(
        model,
        network,
        plan,
        form,
        generator,
        n_rows=10 * len(x),
        is_shared=is_shared,
        response_share=model.response_share,
    )

    def train():
        for _ in range(PHASE):
            tuner.train(x, y, 0)

    return [train, lambda: tuner.tune(x, y)]


def timed(functions, n):
    """Return the mean seconds of functions that are called in turn, n times each."""
    totals = [0.0] * len(functions)
    for _ in range(n):
        for index, function in enumerate(functions):
            start = time.process_time()
            function()
            totals[index] += time.process_time() - start
    return [total / n / PHASE for total in totals]


def measure(case, n_rounds):
    """Return the seconds of a plain step, and of every form: training, and tuning."""
    torch.manual_seed(0)
    module, x, y = case()
    plain = plain_step(module, x, y)
    kinds = [[lambda: [plain() for _ in range(PHASE)]]]
    kinds += [self_tuning_steps(module, x, y, *form[:2]) for form in FORMS]
    # The first calls warm up.
    *_, (seconds,) = [timed(kinds[0], 3) for _ in range(2)]
    n_phases = max(1, round(TURN / seconds / PHASE))
    rounds = [[timed(kind, n_phases) for kind in kinds] for _ in range(n_rounds + 2)]
    (usual,), *costs = [
        [statistics.median(each) for each in zip(*kind, strict=True)]
        for kind in zip(*rounds[2:], strict=True)
    ]
    return usual, costs


def main(arguments=None):
    """Measure, print the table and fill the page if one is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--page")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows, ratios = [], []
    for name, case in CASES.items():
        plain, costs = measure(case, options.rounds)
        ratios.append([train / plain for train, _ in costs])
        pairs = [f"{a / plain:.2f}, {(a + b) / plain:.2f}" for a, b in costs]
        rows.append([name, f"{1e3 * plain:.1f} ms", *pairs])
        print(*rows[-1], sep=" | ", flush=True)
    names = [
        f"{form}, {'one perturbation' if shared else 'one per row'}"
        for form, shared, _ in FORMS
    ]
    lines = [
        f"- {name}: a training step costs at most {limit} plain ones in "
        f"{sum(each <= limit for each in column)} of {len(column)} cases (largest "
        f"{max(column):.2f})."
        for name, (_, _, limit), column in zip(
            names, FORMS, zip(*ratios, strict=True), strict=True
        )
    ]
    text = (
        "Processor time of a training step in plain steps of the same module, and, "
        "after the comma, with half a tuning step; one thread "
        "(`python -m benchmarks.stn_overhead`).\n\n"
        + page.markdown(["module", "plain step", *names], rows, align_left=1)
        + "\n\n"
        + "\n".join(lines)
    )
    print(text)
    if options.page:
        page.update(options.page, {"stn-overhead": text})


if __name__ == "__main__":
    main()
