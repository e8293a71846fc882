# `make demo` is the first thing to run: it installs everything and evaluates the bundled model, offline.
PYTHON ?= python3.11
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo quick test check clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile
	@echo 'PYTHON=python3.12 and the like choose the Python that .venv is made with.'

.venv/ready: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: .venv/ready ## evaluate the bundled model on the bundled suite, offline
	$(BIN)/evalkit run

# A worker takes neighbouring tests, which share what is dear to make, and takes over another's only when it is idle.
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal

quick: .venv/ready ## the fast tests, on all cores: under a minute on two
	$(PYTEST) -m "not slow and not browser and not reference"

test: .venv/ready ## every test; those whose browser or reference data is not there skip and say so
	$(PYTEST)

check: .venv/ready ## lint, format, types, layers, and every file of the registry
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/evalkit check > /dev/null

clean: ## remove the environment and whatever was built or cached
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
