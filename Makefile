# Every target creates what it needs; Python >= 3.11 and make are enough.

PYTHON ?= python3
VENV ?= .venv
VENV_OLDEST ?= .venv-oldest
PYTEST_FLAGS ?= -n 2
SPHINX_FLAGS ?= -W --keep-going -j 2

# The lower bounds of pyproject.toml as exact pins: "numpy>=1.26" -> numpy==1.26
OLDEST = $(shell sed -nE 's/^ *"(numpy|scipy|scikit-learn|threadpoolctl)>=([0-9.]+)",/\1==\2/p' pyproject.toml)
# scikit-learn 1.6 knows the frames of its time, NumPy 1.26 the pyarrow of its time.
OLDEST += 'polars<2' 'pandas<3' 'pyarrow<21'
# Pinned: the build without CUDA, where the index has one. What is newest may be one that
# brings gigabytes of CUDA, which no test uses.
TORCH ?= torch==2.13.0
# Of `make campaign`.
PROBLEMS ?= 2000
SEED ?= 0
# Of `make release-check`: --public refuses addresses that are placeholders.
RELEASE_FLAGS ?=
WORKFLOWS = .github/workflows/*.yml
SCHEMA = $(VENV)/bin/check-jsonschema --quiet --builtin-schema
PUBLIC_MODULES = $(shell find sklearn_myhpo -name '*.py' ! -path '*/_*' | sort)

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export MPLBACKEND = Agg

# xdist runs the workers: one thread each, or they fight for the cores.
ONE_THREAD = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
# Neighbours share data and reference solutions: a worker begins with its half of them.
PYTEST = -m pytest --dist worksteal $(PYTEST_FLAGS)

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-slow test-benchmarks test-oldest test-nn coverage lint \
	format docs check-pages notebook release-check paper paper-quick bench bench-shapes \
	bench-growth bench-hoag bench-losses bench-many-lambdas bench-per-class \
	bench-additive bench-families \
	bench-paper-fixed-points bench-stn bench-stn-modules stn-quick bench-stochastic \
	bench-streams bench-stream-passes bench-dask bench-bilevel bench-adjoints \
	bench-family bench-row-weights campaign compare check-python clean

help:  ## Print the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) \
		| while IFS="$$(printf '\t')" read -r name text; do \
			printf '  %-26s %s\n' "$$name" "$$text"; done

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python >= 3.11 is needed: make PYTHON=/path/to/python3"; exit 1; }

$(VENV)/.stamp: pyproject.toml setup.cfg setup.py | check-python
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --editable '.[test,plot,dev]'
	@touch $@

$(VENV)/.stamp-doc: $(VENV)/.stamp
	$(VENV)/bin/python -m pip install --quiet --editable '.[doc]'
	@touch $@

$(VENV)/.stamp-pages: $(VENV)/.stamp
	$(VENV)/bin/python -m pip install --quiet --editable '.[pages]'
	@touch $@

$(VENV)/.stamp-notebook: $(VENV)/.stamp
	$(VENV)/bin/python -m pip install --quiet --editable '.[notebook]'
	@touch $@

$(VENV)/.stamp-bench: $(VENV)/.stamp
	$(VENV)/bin/python -m pip install --quiet --editable '.[bench]'
	@touch $@

$(VENV)/.stamp-nn: $(VENV)/.stamp
	$(VENV)/bin/python -m pip install --quiet $(TORCH)
	@touch $@

$(VENV_OLDEST)/.stamp: pyproject.toml setup.cfg setup.py | check-python
	$(PYTHON) -m venv $(VENV_OLDEST)
	$(VENV_OLDEST)/bin/python -m pip install --quiet --editable '.[test,plot]' $(OLDEST)
	@touch $@

venv: $(VENV)/.stamp  ## Create the virtual environment and install the package

demo: $(VENV)/.stamp  ## Run the main job on data that ships with scikit-learn
	$(VENV)/bin/python examples/demo.py

test: $(VENV)/.stamp  ## Run the tests of the package that take little time
	$(ONE_THREAD) $(VENV)/bin/python $(PYTEST) --ignore=tests/benchmarks -m "not slow"

test-slow: $(VENV)/.stamp  ## Run the others: more cases, larger data, real clusters
	$(ONE_THREAD) $(VENV)/bin/python $(PYTEST) --ignore=tests/benchmarks -m slow

test-benchmarks: $(VENV)/.stamp  ## Run the tests of the scripts in benchmarks/
	$(ONE_THREAD) $(VENV)/bin/python $(PYTEST) tests/benchmarks

test-oldest: $(VENV_OLDEST)/.stamp  ## Run the tests against the oldest supported versions
	$(ONE_THREAD) $(VENV_OLDEST)/bin/python $(PYTEST) --ignore=tests/benchmarks

test-nn: $(VENV)/.stamp-nn  ## Run the tests of networks and tensors, which need PyTorch
	$(ONE_THREAD) $(VENV)/bin/python $(PYTEST) tests/neural_network \
		tests/linear_model/tensors tests/linear_model/test_many_targets.py \
		tests/benchmarks/test_device*.py tests/test_documentation.py

coverage: $(VENV)/.stamp  ## Run the tests and report the lines that none of them reaches
	$(ONE_THREAD) $(VENV)/bin/python $(PYTEST) --cov

lint: $(VENV)/.stamp  ## Check style, format, docstrings and workflows
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/python -m numpydoc lint $(PUBLIC_MODULES)
	$(VENV)/bin/zizmor --offline --no-progress --quiet .
	$(SCHEMA) vendor.github-workflows $(WORKFLOWS)
	$(SCHEMA) custom.github-workflows-require-timeout $(WORKFLOWS)
	$(SCHEMA) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(SCHEMA) vendor.github-issue-forms \
		$(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(SCHEMA) vendor.dependabot .github/dependabot.yml
	$(SCHEMA) vendor.readthedocs .readthedocs.yaml
	$(SCHEMA) vendor.citation-file-format CITATION.cff

format: $(VENV)/.stamp  ## Format the code and mend what ruff can mend
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

docs: $(VENV)/.stamp-doc  ## Build the documentation in doc/_build/html
	$(VENV)/bin/python -m sphinx $(SPHINX_FLAGS) -b html doc doc/_build/html

check-pages: $(VENV)/.stamp-pages  ## Check links, pictures and widths of the built pages
	$(VENV)/bin/python -m tools.check_pages

notebook: $(VENV)/.stamp-notebook  ## Run the example notebook, which equals its script
	$(VENV)/bin/python -m tools.notebook

release-check: $(VENV)/.stamp  ## Build wheel and source distribution, install and try each
	$(VENV)/bin/python -m tools.release_check $(RELEASE_FLAGS)

bench-paper-fixed-points: $(VENV)/.stamp  ## Print the fixed points on MNIST
	$(VENV)/bin/python -m benchmarks.mnist_fixed_points

bench: bench-shapes  ## Time the estimators beside the tools of today
	$(VENV)/bin/python -m benchmarks.speed --page doc/performance.md

bench-shapes: $(VENV)/.stamp-bench  ## The part of it that is at many shapes, and drawn
	$(VENV)/bin/python -m benchmarks.shapes --page doc/performance.md

bench-per-class: $(VENV)/.stamp  ## Compare one lambda with one per class on new rows
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.per_class --page doc/many_lambdas.md

bench-many-lambdas: $(VENV)/.stamp  ## Compare one lambda with many on new rows
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.many_lambdas --page doc/many_lambdas.md

bench-additive: $(VENV)/.stamp-bench  ## Compare additive models with pyGAM and mgcv
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.additive --page doc/additive.md

bench-families: $(VENV)/.stamp-bench  ## Compare counts and costs with searches of a grid
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.families --page doc/families.md

bench-stochastic: $(VENV)/.stamp  ## Print suboptimality by epoch of stochastic solvers
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.stochastic

bench-streams: $(VENV)/.stamp  ## Time fits of batches beside X'X (FULL=--full: to 10^8 rows)
	$(VENV)/bin/python -m benchmarks.streams $(FULL)

bench-stream-passes: $(VENV)/.stamp  ## Count passes over batches of 200 random problems
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.stream_passes --memory

bench-family: $(VENV)/.stamp  ## Compare all solvers on the same problems
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.family --write

bench-row-weights: $(VENV)/.stamp  ## Clean MNIST of wrong labels by weights of its rows
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.row_weights --write

bench-hoag: $(VENV)/.stamp  ## Count what inexact inner solutions save on a9a
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.hoag --write

bench-adjoints: $(VENV)/.stamp  ## Measure approximated hypergradients on a9a and w8a
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.adjoints --write

bench-bilevel: $(VENV)/.stamp  ## Compare solvers with stochastic ones in JAX
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.bilevel --write --solvers myhpo \
		implicit hoag saba srba "jax saba" "jax srba"

bench-losses: $(VENV)/.stamp  ## Time the losses beside scikit-learn's and SciPy's kernels
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.losses

bench-growth: $(VENV)/.stamp-bench  ## Time fits of doubled sizes, and draw them
	$(VENV)/bin/python -m benchmarks.growth --page doc/performance.md

bench-dask: $(VENV)/.stamp  ## Print what passes over rows from Dask cost
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.streams_dask

bench-stn: $(VENV)/.stamp-bench $(VENV)/.stamp-nn  ## Compare self-tuning networks with searches
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.stn --page doc/neural_network.md

bench-stn-modules: $(VENV)/.stamp-bench $(VENV)/.stamp-nn  ## The same of convolutions and LSTMs
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.stn_overhead --page doc/self_tuning_modules.md
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.stn_seeds --page doc/self_tuning_modules.md
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.stn_modules --page doc/self_tuning_modules.md

stn-quick: $(VENV)/.stamp-bench $(VENV)/.stamp-nn  ## The same with 2 seeds of 6 iterations
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.stn_modules --quick

campaign: $(VENV)/.stamp  ## Fit 2 x 2000 random problems, compare with grids: SEED=0
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.campaign --problems $(PROBLEMS) \
		--seed $(SEED)
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.campaign --problems $(PROBLEMS) \
		--seed $(SEED) --options

compare: $(VENV)/.stamp  ## Compare with another checkout: make compare BASE=../before
	$(VENV)/bin/python -m benchmarks.checkouts $(BASE) --results --times --memory

paper: $(VENV)/.stamp-bench  ## Re-make the paper, 10 runs, and write doc/reproduction.md
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.paper --page doc/reproduction.md

paper-quick: $(VENV)/.stamp-bench  ## The same with 2 runs, into benchmarks/results/quick
	$(ONE_THREAD) $(VENV)/bin/python -m benchmarks.paper --quick

clean:  ## Remove the environments and everything built
	rm -rf $(VENV) $(VENV_OLDEST) build dist *.egg-info
	rm -rf doc/_build doc/generated
	rm -rf .pytest_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
