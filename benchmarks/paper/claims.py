"""The paper's claims, one by one: a verdict, and its evidence in words.

Every function takes the summary of our runs and the published rows, and returns a
`Claim`; every number in its sentences is read from these two.
"""

import numpy as np

from .consistency import contradictions, published_row, table_3_scale
from .published import UNIT
from .settings import (
    BEST,
    LEVELS,
    MAX_ITERS,
    N_STEPS,
    STEPS,
    TABLE_OF,
)
from .summary import entry_of, find, spell
from .wording import NAMES, Claim, short, words

SEARCHES = ("random", "grid", "hyperopt", "spearmint")
BILEVEL = ("sho", "myhpo-c", "myhpo-bt")
#: A loss this many times that of the best step size is a sign of instability.
UNSTABLE = 1.2


def data_of(summary):
    """Return the data sets of the paper whose runs are there; the floor is the last."""
    return [data for data in TABLE_OF if find(summary, data, "floor")]


def best_of(summary, data, method):
    """Return the entry of a method at Table 2's setting."""
    if method in BILEVEL:
        return find(summary, data, method, spell(BEST[data][method]))
    return find(summary, data, method, n_trials=2)


def loss_of(entry):
    """Return the mean validation loss in 1e-2; infinite if a run has diverged."""
    if entry is None or entry["diverged"]:
        return np.inf
    return entry["validation_loss"] / UNIT


def ending(entry):
    """Return the loss of an entry in words, or how many of its runs diverge."""
    if entry["diverged"]:
        return f"{entry['diverged']} of {entry['runs']} runs diverge"
    return f"{loss_of(entry):.2f}"


def best_everywhere(summary, published):
    """MY-HPO is best on every data set at the fixed budget."""
    evidence, holds, near, sets = [], 0, 0, data_of(summary)
    for data in sets:
        ours = {
            name: loss_of(best_of(summary, data, name))
            for name in (*BILEVEL, *SEARCHES)
        }
        others = {name: v for name, v in ours.items() if not name.startswith("myhpo")}
        mine, name = min((ours[name], name) for name in ("myhpo-c", "myhpo-bt"))
        rival = min(others, key=others.get)
        sides = (best_of(summary, data, one) for one in (name, rival))
        holds += mine <= others[rival]
        near += mine <= others[rival] + 2 * standard_error(*sides)
        rows = {r.method: r for r in published if (r.table, r.data) == (2, data)}
        theirs = {name: row.values["validation_loss"][0] for name, row in rows.items()}
        paper = min(theirs["myhpo-c"], theirs["myhpo-bt"])
        paper_rival = min(v for n, v in theirs.items() if not n.startswith("myhpo"))
        evidence.append(
            f"{short(data)}: MY-HPO {mine:.2f}, the best other method "
            f"({NAMES[rival]}) {others[rival]:.2f}; published {paper:g} and "
            f"{paper_rival:g}."
        )
    return Claim(
        "MY-HPO has the lowest validation loss on every data set at the fixed budget.",
        f"{words(holds, len(sets))}: on {holds} of {len(sets)} data sets; on {near} it "
        "is lowest or within two standard errors of the lowest",
        evidence,
    )


def sho_unstable(summary, published):
    """SHO is unstable at larger steps."""
    evidence, holds, sets = [], 0, data_of(summary)
    for data in sets:
        large, small = STEPS[data]["sho"][0], BEST[data]["sho"]
        entry = find(summary, data, "sho", spell(large))
        best = find(summary, data, "sho", spell(small))
        row = published_row(published, data, "sho", large)
        theirs = row.values["validation_loss"][0]
        stable = published_row(published, data, "sho", small).values["validation_loss"]
        if entry["diverged"]:
            unstable = True
            what = f"{entry['diverged']} of {entry['runs']} runs diverge"
        else:
            unstable = loss_of(entry) > UNSTABLE * loss_of(best)
            what = f"no run diverges, loss {loss_of(entry):.2f}"
        holds += unstable
        evidence.append(
            f"{short(data)}, alpha = {large[0]:g}: {what}, against {loss_of(best):.2f} "
            f"at alpha = {small[0]:g}; published {theirs:g} against {stable[0]:g}."
        )
    return Claim(
        "SHO is unstable at larger step sizes.",
        f"{words(holds, len(sets))}: on {holds} of {len(sets)} data sets",
        evidence,
    )


def larger_steps(summary, published):
    """MY-HPO takes larger steps."""
    evidence, holds, sets = [], 0, data_of(summary)
    for data in sets:
        small, *_, large = STEPS[data]["myhpo-bt"]
        entry = find(summary, data, "myhpo-bt", spell(large))
        least = find(summary, data, "myhpo-bt", spell(small))
        good = not entry["diverged"] and loss_of(entry) <= UNSTABLE * loss_of(least)
        holds += good
        evidence.append(
            f"{short(data)}: (BT) at alpha = {large[0]:g} ends at {loss_of(entry):.2f} "
            f"with {entry['diverged']} of {entry['runs']} runs diverged; at alpha = "
            f"{small[0]:g} it ends at {loss_of(least):.2f}."
        )
    return Claim(
        "MY-HPO with backtracking allows larger steps than SHO.",
        f"{words(holds, len(sets))}: on {holds} of {len(sets)} data sets",
        evidence,
    )


def backtracking(summary, published):
    """(BT) is no worse than (C)."""
    evidence, holds, sets = [], 0, data_of(summary)
    for data in sets:
        constant = best_of(summary, data, "myhpo-c")
        stepped = best_of(summary, data, "myhpo-bt")
        error = standard_error(constant, stepped)
        good = loss_of(stepped) <= loss_of(constant) + 2 * error
        holds += good
        evidence.append(
            f"{short(data)}: (BT) {ending(stepped)}, (C) {ending(constant)}, two "
            f"standard errors of the difference {2 * error:.2f}."
        )
    return Claim(
        "MY-HPO (BT) is at least as good as MY-HPO (C).",
        f"{words(holds, len(sets))}: on {holds} of {len(sets)} data sets",
        evidence,
    )


def five_times(summary, published):
    """Searches need about five times the budget."""
    evidence, holds, sets = [], 0, []
    for data in data_of(summary):
        more = [e for e in summary if e["data"] == data and e["n_trials"] > 2]
        if not more:
            continue
        sets.append(data)
        n_trials = more[0]["n_trials"]
        mine = min(loss_of(best_of(summary, data, name)) for name in BILEVEL[1:])
        two = min(loss_of(find(summary, data, n, n_trials=2)) for n in SEARCHES)
        many = min(loss_of(find(summary, data, n, n_trials=n_trials)) for n in SEARCHES)
        good = two > 1.02 * mine and many <= 1.02 * mine
        holds += good
        evidence.append(
            f"{short(data)}: MY-HPO {mine:.2f}; the best search {two:.2f} with n_S = 2 "
            f"and {many:.2f} with n_S = {n_trials}."
        )
    return Claim(
        "Black-box searches need about five times the budget for the same loss.",
        f"{words(holds, len(sets))}: on {holds} of {len(sets)} data sets",
        evidence,
    )


def algorithm_3(summary, published):
    """Algorithm 3 needs fewer, more expensive iterations."""
    evidence, fewer, dearer, sets = [], 0, 0, []
    for row in (row for row in published if row.table == 3):
        entry = entry_of(summary, row)
        steps = best_of(summary, row.data, "myhpo-bt")
        if entry is None or steps is None:
            continue
        sets.append(row.data)
        each = entry["seconds"] / entry["n_iter"]
        step = steps["seconds"] / steps["n_iter"]
        fewer += entry["n_iter"] < N_STEPS[row.data]
        dearer += each > step
        mean, deviation = row.values["n_iter"]
        evidence.append(
            f"{short(row.data)}: {entry['n_iter']:.0f} iterations of at most "
            f"{MAX_ITERS[row.data]} (published {mean:g} ± {deviation:g}), in place of "
            f"{N_STEPS[row.data]} gradient steps{reached(entry)}. An iteration takes "
            f"{each / step:.1f} times the CPU time of one of (BT)."
        )
    return Claim(
        "Algorithm 3 needs fewer but more expensive iterations.",
        f"fewer on {fewer} of {len(sets)} data sets, more expensive on {dearer}",
        evidence,
    )


def reached(entry):
    """Return when the least error that all runs have reached was reached, in words."""
    for level in sorted(LEVELS):
        if entry[f"reached_{level:g}"] == entry["runs"]:
            iterations = entry[f"n_iter_{level:g}"]
            return f"; a relative error of {level:g} is reached after {iterations:.0f}"
    return ""


def proposition_2(summary, published):
    """Proposition 2: r, s and u tend to zero."""
    evidence, holds, sets = [], 0, []
    for data in data_of(summary):
        entry = find(summary, data, "myhpo-exact")
        entry = best_of(summary, data, "myhpo-bt") if entry is None else entry
        left = [entry[f"{name}_left"] for name in ("r", "s", "u")]
        sets.append(data)
        holds += max(left) < 0.1
        name = "Algorithm 3" if entry["method"] == "myhpo-exact" else "MY-HPO (BT)"
        evidence.append(
            f"{short(data)}, {name}, after {entry['n_iter']:.0f} iterations: "
            f"{left[0]:.2g} of the largest |r|, {left[1]:.2g} of |s| and "
            f"{left[2]:.2g} of |u| is left."
        )
    return Claim(
        "Proposition 2 and Claim 1: the residuals r and s and the multiplier u tend to "
        "zero.",
        f"{words(holds, len(sets))}: all three below a tenth on {holds} of {len(sets)}",
        evidence,
    )


def standard_error(first, second):
    """Return the standard error of the difference of two means, in 1e-2."""
    name = "validation_loss_sd"
    total = sum(np.nan_to_num(one[name]) ** 2 / one["runs"] for one in (first, second))
    return float(np.sqrt(total)) / UNIT


CLAIMS = (
    best_everywhere,
    sho_unstable,
    larger_steps,
    backtracking,
    five_times,
    algorithm_3,
    proposition_2,
    table_3_scale,
    contradictions,
)


def render_claims(summary, published):
    """Return all claims as text."""
    text = []
    for number, judge in enumerate(CLAIMS, start=1):
        claim = judge(summary, published)
        text.append(
            f"**{number}. {claim.text}** *{claim.verdict[0].upper()}"
            f"{claim.verdict[1:]}.*"
        )
        text.append("\n".join(f"- {sentence}" for sentence in claim.evidence))
    return "\n\n".join(text)
