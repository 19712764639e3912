"""
Export a learned model to skops, ONNX and others
================================================

Tools that store, serve or explain models support scikit-learn's own classes. The result
of a fit is a plain linear model: ``to_sklearn()`` returns it as a fitted `Ridge` or
`LogisticRegression` with the same predictions.

The exports need ``pip install '.[export]'`` in the source directory; missing tools are
left out.
"""
# sphinx_gallery_thumbnail_path = '_static/thumbnails/hand_over.png'

from importlib.util import find_spec

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import GroupedColumnTransformer, MYHPOLogisticRegression

# %%
# Learn
# -----
# Three strengths: for the means, the standard errors and the worst values of ten
# measurements of cell nuclei.

X, y = load_breast_cancer(return_X_y=True)
columns = GroupedColumnTransformer(
    [
        ("mean", StandardScaler(), slice(0, 10)),
        ("error", StandardScaler(), slice(10, 20)),
        ("worst", StandardScaler(), slice(20, 30)),
    ]
)
model = MYHPOLogisticRegression(feature_groups="transformer")
learned = make_pipeline(columns, model).fit(X, y)
print(learned[-1].penalties_frame().to_string(index=False))

# %%
# The history of the solver, one row per iteration. With one lambda,
# ``pandas.DataFrame(model.history_)`` is the same.

print(learned[-1].history_frame().iloc[:, :5].to_string())

# %%
# The plain pipeline
# ------------------
# Both steps have a counterpart in scikit-learn. One ``C`` cannot express three
# strengths, so the exported estimator is for predictions. To fit three strengths again
# with scikit-learn alone, multiply every column by ``sqrt(C)`` of its group and use
# ``C=1``.

plain = Pipeline(
    [("columns", learned[0].to_sklearn()), ("model", learned[-1].to_sklearn())]
)
print(plain[-1])
probabilities = learned.predict_proba(X)
print(f"largest difference: {np.abs(plain.predict_proba(X) - probabilities).max()}")

# %%
# skops
# -----
# A file of skops contains no code, and only trusted types are loaded. The types of
# scikit-learn are trusted, so no other type has to be confirmed.

if find_spec("skops"):
    import skops.io

    stored = skops.io.dumps(plain)
    print("untrusted types:", skops.io.get_untrusted_types(data=stored))
    loaded = skops.io.loads(stored)
    difference = np.abs(loaded.predict_proba(X) - probabilities).max()
    print(f"skops: {len(stored)} bytes, largest difference {difference:.1e}")
else:
    print("skops is not installed")

# %%
# ONNX
# ----
# An ONNX graph runs without Python. This was tested with skl2onnx 1.20.0, onnx 1.23.2,
# onnxruntime 1.32.0 and scikit-learn 1.9.1.

if find_spec("skl2onnx") and find_spec("onnxruntime"):
    import onnxruntime
    from skl2onnx import to_onnx

    graph = to_onnx(plain, X[:1], options={"zipmap": False})
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    labels, found = session.run(None, {"X": X})
    difference = np.abs(found - probabilities).max()
    print(f"ONNX: largest difference {difference:.1e}")
else:
    print("skl2onnx or onnxruntime is not installed")
