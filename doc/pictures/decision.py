"""Draw the diagram of the page "What to use when".

The build of the documentation calls `draw` and puts the result into the page, where it
takes the colours of the theme, dark or light.
"""

from html import escape

#: A question, the anchor of the section that answers it at length, and the answers:
#: what holds, and what to write. The first answer of a row is the default.
QUESTIONS = [
    (
        "1. What is the target?",
        "which-estimator",
        [
            ("a number", "MYHPORidge"),
            ("a class", "MYHPOLogistic|Regression"),
            ("a count, a rate", "MYHPOPoisson|Regressor"),
            ("a cost, a duration", "MYHPOGamma…,|MYHPOTweedie…"),
            ("any, by curves", "MYHPOAdditive…"),
        ],
    ),
    (
        "2. How many strengths?",
        "how-many-strengths",
        [
            ("alike features", "one (default)"),
            ("kinds of features", "feature_groups=|[...]"),
            ("steps of a pipeline", 'feature_groups=|"transformer"'),
            ("many rows", 'feature_groups=|"each"'),
            ("in doubt", 'shrinkage="auto"'),
        ],
    ),
    (
        "3. Which rows are held out?",
        "which-splits",
        [
            ("independent rows", "cv=5 (default)"),
            ("sorted rows", "KFold(5,|shuffle=True)"),
            ("groups of rows", "GroupKFold"),
            ("time", "TimeSeriesSplit"),
            ("very many rows", "cv=0.2"),
        ],
    ),
    (
        "4. Which criterion?",
        "which-criterion",
        [
            ("usually", '"validation"|(default)'),
            ("few rows, ridge", '"loo"'),
            ("few rows, others", '"alo"'),
            ("high leverage", '"gcv"'),
            ("known noise", '"sure"'),
        ],
    ),
    (
        "5. Which solver?",
        "which-solver",
        [
            ("usually", '"myhpo"|(default)'),
            ("to check a result", '"implicit"'),
            ("no factorization", '"hoag"'),
            ("rows in parts", '"stochastic"'),
            ("research", "the others"),
        ],
    ),
]
WIDTH, HEIGHT, GAP, TOP = 150, 64, 10, 26
STEP = TOP + HEIGHT + 22
STYLE = """
.decision { overflow-x: auto; margin-bottom: 1rem; }
.decision svg { min-width: 680px; width: 100%; height: auto; }
.decision text { fill: var(--pst-color-text-base, #222); font: 13px sans-serif; }
.decision .question { font-weight: bold; font-size: 15px; }
.decision a text { fill: var(--pst-color-link, #0072b2); }
.decision .value { font-family: monospace; font-size: 12.5px; }
.decision rect { fill: var(--pst-color-surface, #f4f4f4); }
.decision rect { stroke: var(--pst-color-border, #ccc); }
.decision rect.default { stroke: #d55e00; stroke-width: 2; }
.decision path { stroke: var(--pst-color-text-muted, #666); fill: none; }
"""


def answer(column, top, when, take):
    """Return the box of an answer."""
    left = column * (WIDTH + GAP)
    middle = left + WIDTH / 2
    lines = take.split("|")
    kind = "default" if column == 0 else "other"
    found = [
        f'<rect class="{kind}" x="{left + 1}" y="{top}" width="{WIDTH - 2}" '
        f'height="{HEIGHT}" rx="6"/>',
        f'<text x="{middle}" y="{top + 17}" text-anchor="middle">{escape(when)}</text>',
    ]
    for number, line in enumerate(lines):
        below = top + 47 - 8 * (len(lines) - 1) + 16 * number
        found.append(
            f'<text class="value" x="{middle}" y="{below}" text-anchor="middle">'
            f"{escape(line)}</text>"
        )
    return found


def draw():
    """Return the diagram as HTML that stands in a page."""
    columns = max(len(answers) for *_, answers in QUESTIONS)
    size = columns * (WIDTH + GAP) - GAP, STEP * len(QUESTIONS) - 18
    found = [
        f'<div class="decision" tabindex="0"><style>{STYLE}</style>',
        f'<svg viewBox="0 0 {size[0]} {size[1]}" role="img" '
        'aria-label="Five questions, and what to write for each answer">',
    ]
    for row, (question, anchor, answers) in enumerate(QUESTIONS):
        top = row * STEP + TOP
        found.append(
            f'<a href="#{anchor}"><text class="question" x="2" y="{top - 8}">'
            f"{escape(question)}</text></a>"
        )
        for column, (when, take) in enumerate(answers):
            found += answer(column, top, when, take)
        if row + 1 < len(QUESTIONS):
            below = top + HEIGHT + 2
            found.append(f'<path d="M75 {below} v12 m-4 -5 l4 5 l4 -5"/>')
    return "\n".join([*found, "</svg></div>", ""])
