# `make` prints the targets. Every target makes the environment that it needs and does nothing twice.

.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV ?= .venv
VENV_MIN ?= .venv-min
# The declared minimum. From the public registry it is a CUDA build of several gigabytes on Linux; `make test-min MIN_TORCH=2.13.0`
# tests the other minimums with another torch.
MIN_TORCH ?= 2.8.0
PYTEST_ARGS ?=
TORTURE_ARGS ?=
# Two processes of one thread each: more threads than cores wait for each other.
WORKERS ?= 2
PYTEST = env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(1) -m pytest -n $(WORKERS) --dist worksteal

PY := $(VENV)/bin/python
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check
DECLARED := pyproject.toml constraints.txt skdl/__init__.py

# These are run by benchmarks/classical.py.
OF_CLASSICAL := $(patsubst %,benchmarks/%.py,kmeans linear_model naive_bayes neighbors)

.PHONY: help quickstart test torture test-min test-gpu docs check bench clean

help:  ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  Variables: PYTHON (default $(PYTHON)), PYTEST_ARGS (as in PYTEST_ARGS='-k knn -x'), MIN_TORCH (default $(MIN_TORCH))"

quickstart: $(VENV)/.has-plot  ## Install into .venv and run examples/quickstart.py
	$(PY) examples/quickstart.py

test: $(VENV)/.has-test  ## Run the whole suite, doctests included; GPU tests only where there is a CUDA device
	$(call PYTEST,$(PY)) $(PYTEST_ARGS)

torture: $(VENV)/.has-test  ## Damaged files, hostile input, threads, kills, little memory; the suite does so for a shorter time
	env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(PY) -m tests.torture $(TORTURE_ARGS)

test-min: $(VENV_MIN)/.has-test-$(MIN_TORCH)  ## Run the suite with the oldest versions that pyproject.toml allows
	$(call PYTEST,$(VENV_MIN)/bin/python) $(PYTEST_ARGS)

test-gpu: $(VENV)/.has-test  ## Run the GPU tests alone; fails where there is no CUDA device
	@$(PY) -c "import torch; raise SystemExit(None if torch.cuda.is_available() else 'make test-gpu needs a CUDA device, and torch sees none.')"
	$(PY) -m pytest -m gpu $(PYTEST_ARGS)

docs: $(VENV)/.has-docs  ## Build the documentation into docs/_build/html, run the gallery, check all links
	env MPLBACKEND=Agg OMP_NUM_THREADS=1 $(VENV)/bin/sphinx-build -q -W --keep-going -b html -d docs/_build/doctrees docs docs/_build/html

check: $(VENV)/.has-dev docs  ## Lint, formatting, layers, types, documentation
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/mypy

bench: $(VENV)/.has-test  ## Run every benchmark, one after the other
	@set -e; for file in $(filter-out $(OF_CLASSICAL),$(wildcard benchmarks/[!_]*.py)); do echo "== $$file"; $(PY) "$$file"; done

clean:  ## Remove the environments and all caches
	rm -rf $(VENV) $(VENV_MIN) .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis build dist *.egg-info docs/_build docs/generated
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python $(VENV_MIN)/bin/python:
	$(PYTHON) -c "import sys; sys.exit(None if sys.version_info >= (3, 11) else 'skdl needs Python 3.11 or newer; use make PYTHON=python3.x')"
	$(PYTHON) -m venv $(@D)/..

# One stamp for each extra: the command runs again only when what is declared has changed.
$(VENV)/.has-%: $(PY) $(DECLARED)
	$(PY) $(PIP_INSTALL) -c constraints.txt -e ".[$*]"
	@touch $@

$(VENV_MIN)/.has-test-$(MIN_TORCH): $(VENV_MIN)/bin/python pyproject.toml constraints-min.txt
	$(VENV_MIN)/bin/python $(PIP_INSTALL) -c constraints-min.txt "torch==$(MIN_TORCH)" -e ".[test]"
	@rm -f $(VENV_MIN)/.has-test-* && touch $@
