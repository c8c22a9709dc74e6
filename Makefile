# Needs Python 3.11 or newer, and nothing else. `make` alone lists the targets.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run demo check lint test bench docs lock

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

run: .venv/runtime ## set everything up and start Tocsin at http://127.0.0.1:3000
	@$(BIN)/tocsin serve

demo: .venv/runtime ## set everything up and show Tocsin with a live shop that can be broken; ARGS are options
	@$(BIN)/tocsin demo $(ARGS)

check: lint test ## what CI runs: form, lint, types, layers, tests

lint: .venv/dev ## form, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: .venv/dev ## set everything up and run all tests
	$(BIN)/pytest -q

bench: .venv/dev ## measure speed against the budgets; writes benchmarks/results/bench.json
	$(BIN)/python -m benchmarks.bench $(ARGS)

docs: .venv/dev ## bring the generated parts of the documentation up to date
	$(BIN)/python -m tocsin.kit.settings_reference
	$(BIN)/python -m tocsin.api.access_reference

lock: .venv/dev ## resolve the dependencies anew
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) --output-file requirements/runtime.txt pyproject.toml
	$(LOCK) --output-file requirements/dev.txt --group dev pyproject.toml
	$(BIN)/python web/lock.py

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tocsin needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv

# The sources are installed in place; only what shapes the environment makes it new.
.venv/runtime: requirements/runtime.txt pyproject.toml hatch_build.py web/package-lock.json | .venv/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/runtime.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

.venv/dev: requirements/dev.txt pyproject.toml hatch_build.py web/package-lock.json | .venv/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@ .venv/runtime
