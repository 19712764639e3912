"""Rules of the house: who may read X, who may import whom, how long a file may be."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import sklearn_myhpo

ROOT = Path(sklearn_myhpo.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
#: Files that consist of the docstrings of public estimators.
DOCSTRINGS = {
    "linear_model/ridge.py",
    "linear_model/ridge_classifier.py",
    "linear_model/glm.py",
    "linear_model/logistic.py",
    "neural_network/module.py",
    "neural_network/multilayer_perceptron.py",
}
MAX_LINES, MAX_FUNCTION = 350, 50


def name_of(path):
    """Return the path of a file below the package."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path):
    """Return the parsed file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def is_features(node):
    """Whether an expression is an X or the X of an object."""
    if isinstance(node, ast.Name):
        return node.id == "X"
    return isinstance(node, ast.Attribute) and node.attr == "X"


def reads_of_features(tree):
    """Yield the lines in which X is indexed, multiplied or transposed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and is_features(node.value):
            yield node.lineno
        is_transpose = isinstance(node, ast.Attribute) and node.attr == "T"
        if is_transpose and is_features(node.value):
            yield node.lineno
        is_product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
        if is_product and (is_features(node.left) or is_features(node.right)):
            yield node.lineno


def test_features_are_read_in_data_only():
    """A new data source would have to edit thirty files."""
    reads = {
        name_of(path): list(reads_of_features(tree_of(path)))
        for path in FILES
        if name_of(path).split("/")[0] not in ("data", "datasets")
    }
    assert {name: lines for name, lines in reads.items() if lines} == {}


def long_functions(tree):
    """Return the lines of every function that is too long, by its name."""
    sizes = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            body = node.body
            if ast.get_docstring(node) is not None:
                body = body[1:]
            sizes[node.name] = body[-1].end_lineno - body[0].lineno + 1 if body else 0
    return {name: size for name, size in sizes.items() if size > MAX_FUNCTION}


def test_files_and_functions_are_short():
    """A newcomer would not find the place to change."""
    long = {}
    for path in FILES:
        name, text = name_of(path), path.read_text(encoding="utf-8")
        if name not in DOCSTRINGS and text.count("\n") > MAX_LINES:
            long[name] = text.count("\n")
        if functions := long_functions(tree_of(path)):
            long[name] = functions
    assert long == {}


def imports_of(path):
    """Return the modules of the package that a file imports when it is imported."""
    parts = ["sklearn_myhpo", *path.relative_to(ROOT).with_suffix("").parts]
    package = parts[:-1]
    found = set()
    for node in tree_of(path).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            base = [*base, *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                module = ROOT.parent.joinpath(*base, f"{alias.name}.py")
                is_package = ROOT.parent.joinpath(*base, alias.name).is_dir()
                one = [*base, alias.name] if module.exists() or is_package else base
                found.add(".".join(one))
    return found


def cycle_in(graph):
    """Return a circle of a graph, or None."""
    state, path = {}, []

    def visit(node):
        state[node] = 1
        path.append(node)
        for other in sorted(graph[node]):
            if state.get(other) == 1:
                return path[path.index(other) :]
            if other not in state and (found := visit(other)):
                return found
        state[node] = 2
        path.pop()
        return None

    for node in sorted(graph):
        if node not in state and (found := visit(node)):
            return found
    return None


def module_of(path):
    """Return the name of the module of a file."""
    parts = ["sklearn_myhpo", *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_module_imports_itself_around_others():
    """Import circles hide which part knows which."""
    graph = defaultdict(set)
    for path in FILES:
        graph[module_of(path)] |= imports_of(path) - {module_of(path)}
    assert cycle_in(graph) is None


def test_folders_form_layers():
    """A change of one contract would spread in both directions."""
    graph = defaultdict(set)
    for path in FILES:
        folder = name_of(path).split("/")[0]
        for module in imports_of(path):
            parts = module.split(".")
            other = parts[1] if len(parts) > 1 else ""
            if other and (ROOT / other).is_dir() and other != folder:
                graph[folder].add(other)
    assert cycle_in(graph) is None


def test_every_constant_has_one_home():
    """Two copies of a number drift apart."""
    homes = defaultdict(list)
    for path in FILES:
        if name_of(path).startswith("datasets/"):
            continue  # Every data set has a file and a description.
        for node in tree_of(path).body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            for target in targets:
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                for one in names:
                    is_constant = isinstance(one, ast.Name) and one.id.isupper()
                    if is_constant and not one.id.startswith("_"):
                        homes[one.id].append(name_of(path))
    repeated = {name: where for name, where in homes.items() if len(where) > 1}
    assert not repeated
