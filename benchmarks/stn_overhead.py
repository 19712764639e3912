"""Cost of a self-tuning step beside a plain training step of the same module.

A plain step is a forward and a backward pass, clipping and a step of gradient descent.
Times are of the processor, the lowest of several rounds in which all take turns.

    python -m benchmarks.stn_overhead [--rounds 5] [--page doc/self_tuning_modules.md]
"""

import argparse
import time

import torch
from torch import nn

from benchmarks import page
from sklearn_myhpo.neural_network import STNClassifier
from sklearn_myhpo.neural_network._fit import make_tuner
from sklearn_myhpo.neural_network._module_fit import assemble

HEAD = ["step", "rows", "CNN", "LSTM", "MLP"]


class Characters(nn.Module):
    """A language model of characters."""

    def __init__(self):
        super().__init__()
        self.embedding, self.lstm = (
            nn.Embedding(60, 32),
            nn.LSTM(32, 128, 1, True, True),
        )
        self.drop, self.last = nn.Dropout(0.1), nn.Linear(128, 60)

    def forward(self, x):
        return self.last(self.drop(self.lstm(self.embedding(x))[0])).transpose(1, 2)


def images():
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.1), nn.Linear(32 * 49, 128), nn.ReLU()),
        *(nn.Dropout(0.1), nn.Linear(128, 10)),
    )


def perceptron():
    return nn.Sequential(
        *(nn.Dropout(0.1), nn.Linear(784, 256), nn.ReLU()),
        *(nn.Dropout(0.1), nn.Linear(256, 256), nn.ReLU()),
        *(nn.Dropout(0.1), nn.Linear(256, 10)),
    )


#: Modules, with a batch of each.
CASES = {
    "CNN": lambda: (
        images(),
        torch.randn(128, 1, 28, 28),
        torch.randint(0, 10, (128,)),
    ),
    "LSTM": lambda: (
        Characters(),
        torch.randint(0, 60, (64, 50)),
        torch.randint(0, 60, (64, 50)),
    ),
    "MLP": lambda: (perceptron(), torch.randn(128, 784), torch.randint(0, 10, (128,))),
}


def plain_step(module, x, y):
    """Return a function that takes a plain step."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(x), y).backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 5.0)
        optimizer.step()

    return step


def self_tuning_step(module, x, y, form, is_shared):
    """Return a function that takes a training step."""
    model = STNClassifier(module, form=form)
    network, plan, form, generator = assemble(model, module, 0, torch.device("cpu"))
    tuner = make_tuner(
        model,
        network,
        plan,
        form,
        generator,
        is_shared=is_shared,
        response_share=model.response_share,
    )
    return lambda: tuner.train(x, y, 0)


def measure(case, n_rounds, n_steps=3):
    """Return processor times by name of step."""
    torch.manual_seed(0)
    module, x, y = case()
    steps = {("plain", ""): plain_step(module, x, y)}
    for form in ("centred", "published"):
        for rows, is_shared in (("each its own", False), ("all together", True)):
            steps[form, rows] = self_tuning_step(module, x, y, form, is_shared)
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(n_rounds + 1):  # The first round warms up.
        for name, step in steps.items():
            start = time.process_time()
            for _ in range(n_steps):
                step()
            best[name] = min(best[name], (time.process_time() - start) / n_steps)
    return best


def main(arguments=None):
    """Measure, print the table and fill the page if one is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--page")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    times = {name: measure(case, options.rounds) for name, case in CASES.items()}
    rows = []
    for step in times["CNN"]:
        cells = [times[name][step] for name in CASES]
        plain = [times[name]["plain", ""] for name in CASES]
        if step[0] == "plain":
            rows.append([*step, *(f"{1e3 * cell:.1f} ms" for cell in cells)])
        else:
            pairs = zip(cells, plain, strict=True)
            rows.append([*step, *(f"{cell / one:.2f} x" for cell, one in pairs)])
    text = (
        "Processor time of a training step, in plain steps of the same module, one "
        "thread (`python -m benchmarks.stn_overhead`). Rows of a batch have a "
        "perturbation each or one together.\n\n" + page.markdown(HEAD, rows)
    )
    print(text)
    if options.page:
        page.update(options.page, {"stn-overhead": text})


if __name__ == "__main__":
    main()
