"""Ratios, tables and sentences of the measured shapes."""

from dataclasses import dataclass
from statistics import median

from benchmarks.page import markdown, rounded

#: A loss is lower than another one if it is by this share.
TIE = 1e-4


@dataclass(frozen=True)
class Ratio:
    """How many times as long as ours; at least so many of a fit that was ended."""

    value: float
    is_bound: bool = False

    def __str__(self):
        """Return the number as a cell has it."""
        return f"{'> ' if self.is_bound else ''}{rounded(self.value, 'ratio')}"


@dataclass(frozen=True)
class Comparison:
    """A shape with the rows of a plain fit, of ours, and of the peers by name."""

    name: str
    plain: object
    own: object
    peers: dict

    @property
    def per_plain(self):
        """How many plain fits ours takes, or None."""
        return self.own.per_plain

    def ratio(self, peer):
        """Return the `Ratio` of a peer, or None where it or ours has no time."""
        row = self.peers.get(peer)
        if row is None or self.own.seconds is None:
            return None
        seconds = row.over if row.seconds is None else row.seconds
        if seconds is None:
            return None
        return Ratio(seconds / self.own.seconds, row.seconds is None)

    def has_lower_loss(self, peer):
        """Whether the losses of the folds are lower at the strength of a peer."""
        row = self.peers.get(peer)
        if row is None or None in (row.cv_loss, self.own.cv_loss):
            return False
        return row.cv_loss < (1.0 - TIE) * self.own.cv_loss

    def cells(self, peers):
        """Return the line of the table."""
        rows = [self.peers.get(peer) for peer in peers]
        return [
            self.name,
            cell(self.plain.seconds, "seconds", self.plain.note),
            cell(self.own.seconds, "seconds", self.own.note),
            cell(self.per_plain, "ratio"),
            *(
                cell(self.ratio(peer), "ratio", "" if row is None else row.note)
                for peer, row in zip(peers, rows, strict=True)
            ),
            *(
                cell(None if row is None else row.cv_loss, "loss")
                for row in (self.own, *rows)
            ),
        ]


def cell(value, kind, note=""):
    """Return a number, or the note in its place."""
    if value is None:
        return note.replace("|", "/")
    return str(value) if isinstance(value, Ratio) else rounded(value, kind)


def comparison(task, rows):
    """Return the rows of a task as a comparison."""
    plain, own, *peers = rows
    return Comparison(task.name, plain, own, {row.tool: row for row in peers})


def peers_of(comparisons):
    """Return the names of all peers, in the order of the first row that has each."""
    return list(dict.fromkeys(name for one in comparisons for name in one.peers))


def table(comparisons):
    """Return the table of a kind of regression."""
    peers = peers_of(comparisons)
    head = [
        "data",
        "plain, s",
        "ours, s",
        "ours / plain",
        *(f"{peer} / ours" for peer in peers),
        "CV loss, ours",
        *(f"CV loss, {peer}" for peer in peers),
    ]
    return markdown(head, [one.cells(peers) for one in comparisons], 1)


def listed(names):
    """Return names of data, which have commas."""
    return "; ".join(names) if names else "none"


def sentences(comparisons):
    """Return what the table says of a plain fit, and of each peer."""
    plain = [one.per_plain for one in comparisons if one.per_plain is not None]
    found = []
    if plain:
        least, most, middle = (
            rounded(one, "ratio") for one in (min(plain), max(plain), median(plain))
        )
        found.append(
            f"Ours takes {least} to {most} plain fits, in the median {middle}."
        )
    for peer in peers_of(comparisons):
        ratios = {one.name: one.ratio(peer) for one in comparisons}
        ratios = {name: ratio for name, ratio in ratios.items() if ratio is not None}
        if not ratios:
            continue
        # A fit that was ended earlier than ours is none that was faster.
        faster = [
            name
            for name, ratio in ratios.items()
            if ratio.value < 1.0 and not ratio.is_bound
        ]
        lower = [one.name for one in comparisons if one.has_lower_loss(peer)]
        middle = rounded(median(one.value for one in ratios.values()), "ratio")
        is_bound = any(ratio.is_bound for ratio in ratios.values())
        found.append(
            f"{peer} takes {'at least ' if is_bound else ''}{middle} times as long as "
            f"ours in the median of {len(ratios)} shape{'s' * (len(ratios) > 1)}. It "
            f"is faster at: {listed(faster)}. Its CV loss is lower at: {listed(lower)}."
        )
    return found


def render(sections):
    """Return the sentences and the table of every section by name."""
    return "\n\n".join(
        "\n\n".join(
            [
                f"### {name}",
                "\n".join(f"- {text}" for text in sentences(comparisons)),
                table(comparisons),
            ]
        )
        for name, comparisons in sections.items()
    )
