"""What importing the package costs, and what it needs."""

import subprocess
import sys

#: Not installed where only the dependencies of the package are.
EXTRAS = "torch", "pandas", "matplotlib", "pooch", "rdata"
CODE = f"""
import sys
import numpy as np
import sklearn.linear_model, sklearn.model_selection
before = {{name.split(".")[0] for name in sys.modules}}
sys.modules.update(dict.fromkeys({EXTRAS}))
import sklearn_myhpo, sklearn_myhpo.datasets, sklearn_myhpo.solvers
after = {{name.split(".")[0] for name in sys.modules}}
own = [name for name in sys.modules if name.startswith("sklearn_myhpo")]
for name in {EXTRAS}:
    del sys.modules[name]
from sklearn_myhpo.neural_network import STNMLPClassifier
STNMLPClassifier().get_params()
sklearn_myhpo.MYHPORidge().fit(np.eye(9), np.arange(9.0))
assert "torch" not in sys.modules
print(*sorted(after - before - {{"sklearn_myhpo", *{EXTRAS}}}))
print(len(own))
"""


def test_nothing_is_imported_beyond_scikit_learn():
    """Extras would slow every start down, and break where they are missing."""
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE],
        check=True,
        timeout=120,
        capture_output=True,
        text=True,
    )
    others, n_own = found.stdout.splitlines()
    assert int(n_own) > 10
    modules = set(others.split()) - set(sys.stdlib_module_names)
    assert not modules, modules
