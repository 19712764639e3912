"""Whether the paper's tables agree with each other, and on which scale they are."""

from .published import UNIT
from .settings import TARGET_MOMENTS
from .summary import entry_of
from .tables import PUBLISHED_RUNS
from .wording import NAMES, Claim, short


def table_3_scale(summary, published):
    """Table 3's scale."""
    evidence, fits = [], {}
    for row in (row for row in published if row.table == 3):
        entry = entry_of(summary, row)
        if entry is None:
            continue
        mean, variance = TARGET_MOMENTS[row.data]
        # Reported are .5 MSE / var y, or MSE / var y.
        share = entry["validation_loss"] * (0.5 if row.data == "cookie" else 1.0)
        error = 2.0 * share * variance
        scales = {
            "1e-2 of what Table 2 has": entry["validation_loss"] / UNIT,
            "the loss without 1e-2": entry["validation_loss"],
            "MSE in units of y": error,
            "root MSE in units of y": error**0.5,
            "MSE / 2 mean(y)^2, in 1e-2": 0.5 * error / mean**2 / UNIT,
        }
        value, deviation = row.values["validation_loss"]
        for name, scaled in scales.items():
            wide = 2 * deviation / PUBLISHED_RUNS**0.5
            fits.setdefault(name, []).append(abs(scaled - value) <= wide)
        evidence.append(
            f"{short(row.data)}: printed {value:g} ± {deviation:g}; ours would print "
            + ", ".join(f"{scaled:.3g} as {name}" for name, scaled in scales.items())
            + "."
        )
    both = [name for name, found in fits.items() if all(found)]
    verdict = "explained by " + ", ".join(both) if both else "no one scale fits both"
    return Claim("Table 3 prints losses on the scale of Table 2.", verdict, evidence)


def contradictions(summary, published):
    """Figures of Table 2 that are not those of Tables 4 to 7."""
    evidence = []
    for row in (row for row in published if row.table == 2):
        detail = published_row(published, row.data, row.method, row.steps, row.n_trials)
        for name, (mean, deviation) in row.values.items():
            other = detail.values[name]
            if disagrees(mean, other[0]) or disagrees(deviation, other[1]):
                evidence.append(
                    f"{short(row.data)}, {NAMES[row.method]}, "
                    f"{name.replace('_', ' ')}: {mean:g} ± {deviation:g} in Table 2, "
                    f"{other[0]:g} ± {other[1]:g} in Table {detail.table}."
                )
    return Claim(
        "Table 2 repeats the best rows of Tables 4 to 7.",
        f"{len(evidence)} figures differ by more than rounding",
        evidence,
    )


def disagrees(rough, fine):
    """Whether a figure is not another one, rounded or cut to its digits."""
    digits = len(f"{rough:g}".partition(".")[2])
    return abs(rough - fine) > 1.001 * 10.0**-digits


def published_row(published, data, method, steps, n_trials=0):
    """Return the row of Tables 4 to 7."""
    for row in published:
        if row.table > 3 and row.key == (data, method, tuple(steps), n_trials):
            return row
    raise KeyError((data, method, steps, n_trials))
