"""
From GridSearchCV to one strength per transformer
=================================================

Numbers, categories and a text, combined by a ``ColumnTransformer``, need different
penalties: a few numbers with effects, many customers mostly without, and thousands of
words. `GridSearchCV` can search one ``C`` for all of them; for three it would need a
grid of three dimensions. Here the same pipeline learns three after two lines have
changed.

The rows are synthetic, so the true effects are known.
"""

import sys
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_myhpo import GroupedColumnTransformer, MYHPOLogisticRegression
from sklearn_myhpo.plotting import GroupPenaltyDisplay

# %%
# The data
# --------
# Rows and repeats are arguments of the script: ``20000 1`` takes minutes.
# Twenty numbers; two categories, one of them a customer out of 3000, most of whom have
# hardly any effect; and a text of 30 words out of 4000, each with its own effect.


def make_frame(n_rows, seed=0):
    """Return a frame of numbers, categories and texts, and two classes."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n_rows, 20))
    customer = rng.integers(3000, size=n_rows)
    region = rng.integers(12, size=n_rows)
    popularity = 1.0 / np.arange(1, 4001) ** 0.7
    words = rng.choice(4000, size=(n_rows, 30), p=popularity / popularity.sum())
    score = (
        numbers @ rng.normal(scale=0.3, size=20)
        + rng.normal(scale=0.2, size=3000)[customer]
        + rng.normal(scale=0.3, size=12)[region]
        + rng.normal(scale=0.4, size=4000)[words].sum(axis=1)
    )
    y = rng.uniform(size=n_rows) < 1.0 / (1.0 + np.exp(-score))
    frame = pd.DataFrame(numbers, columns=[f"number{k}" for k in range(20)])
    vocabulary = np.array([f"word{k}" for k in range(4000)])
    text = [" ".join(row) for row in vocabulary[words]]
    customers, regions = np.char.mod("c%d", customer), np.char.mod("r%d", region)
    return frame.assign(customer=customers, region=regions, text=text), y


n_rows, n_repeats = (int(number) for number in (sys.argv[1:] or (5_000, 1)))
frame, y = make_frame(n_rows + n_rows // 4)
X_train, X_test, y_train, y_test = train_test_split(
    frame, y, train_size=n_rows, random_state=0, stratify=y
)
parts = [
    ("number", StandardScaler(), slice("number0", "number19")),
    ("category", OneHotEncoder(handle_unknown="ignore"), ["customer", "region"]),
    ("text", TfidfVectorizer(), "text"),
]

# %%
# Before
# ------
# One strength, chosen from 13 by five folds: 66 fits.

columns = ColumnTransformer(parts)
search = GridSearchCV(
    make_pipeline(columns, LogisticRegression(max_iter=1000)),
    {"logisticregression__C": np.logspace(-3, 3, 13)},
    scoring="neg_log_loss",
    cv=5,
)

# %%
# After
# -----
# Two statements have changed, and there is no grid. A `GroupedColumnTransformer` is a
# `ColumnTransformer` whose sparse output remembers which transformer made each column;
# ``feature_groups="transformer"`` uses this in every fit, for any number of words and
# categories.

columns = GroupedColumnTransformer(parts)
learned = make_pipeline(
    columns, MYHPOLogisticRegression(feature_groups="transformer", cv=5)
)

# %%
# Which is better, and how fast?
# ------------------------------
# The learned pipeline transforms the rows once and splits the result, while the search
# transforms the rows again in each of its fits. So the vocabulary and the means are
# those of all training rows, as in the final model.

models = {"GridSearchCV": search, "MYHPOLogisticRegression": learned}
seconds = {name: [] for name in models}
for _ in range(n_repeats):
    for name, model in models.items():
        start = time.perf_counter()
        model.fit(X_train, y_train)
        seconds[name].append(time.perf_counter() - start)
losses = {
    name: log_loss(y_test, model.predict_proba(X_test))
    for name, model in models.items()
}
for name, loss in losses.items():
    print(
        f"{name:<24} log loss on {len(y_test)} new rows {loss:.4f}, "
        f"{np.median(seconds[name]):.2f} s"
    )
ratio = np.median(seconds["GridSearchCV"]) / np.median(
    seconds["MYHPOLogisticRegression"]
)
print(f"GridSearchCV takes {ratio:.1f} times as long (medians of {n_repeats})")
start = time.perf_counter()
columns.fit_transform(X_train)
print(
    f"One fit of the columns takes {time.perf_counter() - start:.2f} s; the search "
    "does 66, most of them on four fifths of the rows"
)

# %%
# The reason is in the three strengths. Customers get a far smaller ``C``, a stronger
# penalty, than words, and the one ``C`` of the search is a compromise.

print(f"GridSearchCV: C = {search.best_params_['logisticregression__C']:.3g}")
print(learned[-1].penalties_frame().to_string(index=False))
GroupPenaltyDisplay.from_estimator(learned)
plt.show()

# %%
# The result is a pipeline: it can be passed to ``cross_val_score``, or to a
# `GridSearchCV` over parameters that it does not learn, such as
# ``groupedcolumntransformer__text__min_df``. Put intermediate steps, such as a
# selection of words, into the transformers: ``("text", make_pipeline(TfidfVectorizer(),
# SelectKBest(k=1000)), "text")``.
