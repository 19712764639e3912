"""What importing the package costs."""

import subprocess
import sys

CODE = """
import sys
import sklearn.linear_model, sklearn.model_selection
before = {name.split(".")[0] for name in sys.modules}
sys.modules.update(dict.fromkeys(["torch", "pandas", "matplotlib"]))
import sklearn_myhpo, sklearn_myhpo.datasets, sklearn_myhpo.solvers
after = {name.split(".")[0] for name in sys.modules}
own = [name for name in sys.modules if name.startswith("sklearn_myhpo")]
print(*sorted(after - before - {"sklearn_myhpo", "torch", "pandas", "matplotlib"}))
print(len(own))
"""


def test_nothing_is_imported_beyond_scikit_learn():
    """Extras would slow every start down, and break where they are missing."""
    found = subprocess.run(
        [sys.executable, "-c", CODE],
        check=True,
        timeout=120,
        capture_output=True,
        text=True,
    )
    others, n_own = found.stdout.splitlines()
    assert int(n_own) > 10
    modules = set(others.split()) - set(sys.stdlib_module_names)
    assert not modules, modules
