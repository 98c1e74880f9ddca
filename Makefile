# What to do with a fresh clone: needs Python 3.11 or later, make and a network. `make help` lists it all.

VENV := .venv
VENV_BENCH := .venv-bench
BIN := $(VENV)/bin

# Where `make bench` runs, and what it is told besides: ARGS="--rows chain --peers jax", DEZERO=a checkout of DeZero.
BENCH = $(if $(wildcard $(VENV_BENCH)/for-bench),$(VENV_BENCH),$(VENV))
ARGS =
RECORD = output/benchmarks.json
DEZERO ?= $(WENGERT_BENCHMARKS_DEZERO)
export WENGERT_BENCHMARKS_DEZERO := $(DEZERO)

# The first Python that runs and is new enough. (A name on the path may be a shim that fails when run.)
# Another one: make test PYTHON=/path/to/python
CANDIDATES := python3.13 python3.12 python3.11 python3.14 python3 python
PYTHON ?= $(shell for python in $(CANDIDATES); do \
	if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo $$python; break; fi; done)

.PHONY: help test demo demo-cluster docs docs-serve dist dist-check lint types fuzz torture bench bench-peers bench-report clean
.DELETE_ON_ERROR:

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

# (On all cores. One after the other, as any runner finds them: python -W error -m unittest discover tests/)
test: $(VENV)/for-test  ## Run all tests, with warnings as errors
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -W error -m tests

# (The matrices of the digits are too small to be shared by threads, which beside other programs wait for each other.)
demo: $(VENV)/for-demo  ## Differentiate a formula three ways, train a network that reads handwritten digits
	$(BIN)/python examples/derivative.py
	OPENBLAS_NUM_THREADS=1 $(BIN)/python examples/digits_cnn.py

# (Open MPI refuses to start ranks as root, and more of them than cores, unless it is told to.)
demo-cluster: $(VENV)/for-mpi  ## Train on one process, and on two of MPI: the same numbers, up to rounding
	OPENBLAS_NUM_THREADS=1 $(BIN)/python examples/data_parallel.py
	OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OPENBLAS_NUM_THREADS=1 \
		PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe $(BIN)/mpiexec -n 2 $(BIN)/python examples/data_parallel.py

# (Warnings are errors. Pages and examples whose text is unchanged are not run again.)
docs: $(VENV)/for-docs  ## Build the site: output/docs/html/index.html
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m sphinx -W --keep-going -q -b html -d output/docs/doctrees docs output/docs/html

PORT = 8000
docs-serve: docs  ## Build the site and show it on http://localhost:8000 (PORT=8000)
	$(BIN)/python -m http.server $(PORT) --bind localhost --directory output/docs/html

lint: $(VENV)/for-dev  ## Check the style
	$(BIN)/ruff check .

types: $(VENV)/for-dev  ## Check the types
	$(BIN)/mypy

dist: $(VENV)/for-dist  ## Build the wheel and the source archive, in dist/, and check their metadata
	rm -rf dist
	$(BIN)/python -m build --quiet --outdir dist
	$(BIN)/python -m twine check --strict dist/*

dist-check: dist  ## Look into them, install the wheel into an empty environment and try it there
	$(BIN)/python -m tests.distribution dist

fuzz: $(VENV)/for-test  ## Differentiate 20,000 random programs, 20,000 at singular points, 2,000 that write, 1,000 with loops, 5,000 under transforms, and compile 20,000
	$(BIN)/python -W error -m tests.fuzz --programs 20000
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -W error -m tests.fuzz --singular --programs 20000
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --compile --programs 20000
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --ratchet
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --writes --programs 2000
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --loops --programs 1000
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --transforms --programs 5000

torture: $(VENV)/for-test  ## Try it hard for half an hour: kills, damage, full disks, forks, no memory, attacks, Ctrl-C, misuse
	$(BIN)/python -m tests.torture $(ARGS)

# (Beside the peers, once `make bench-peers` has installed them.)
bench: $(BENCH)/for-bench  ## Measure beside the peers that are installed: make bench ARGS="--quick"
	$(BENCH)/bin/python -m benchmarks $(ARGS)

bench-report: $(BENCH)/for-bench  ## Charts and tables of what was measured: make bench-report RECORD=file
	$(BENCH)/bin/python -m benchmarks report $(RECORD)

bench-peers: $(VENV_BENCH)/for-bench  ## Install PyTorch, JAX, autograd, MyGrad and tinygrad, for `make bench`

clean:  ## Remove all that was made here
	rm -rf docs/gallery docs/reference/generated docs/reference/scipy.md
	rm -rf $(VENV) $(VENV_BENCH) build dist output .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment is made once; what is installed in it, again when pyproject.toml changes.

$(VENV)/bin/python $(VENV_BENCH)/bin/python:
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or later with venv found among: $(CANDIDATES)" >&2; exit 1; }
	$(PYTHON) -m venv $(@:/bin/python=)

$(VENV)/for-%: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

# (PyTorch's builds for GPUs are gigabytes; a CPU build that is installed in .venv-bench before stays. torch.compile
# needs a C++ compiler, tinygrad clang: where they lack, `make bench` says so.)
$(VENV_BENCH)/for-bench: pyproject.toml | $(VENV_BENCH)/bin/python
	$(VENV_BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[bench,peers]'
	@touch $@
