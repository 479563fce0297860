# Space SQL. `make` alone lists what can be made; environments are made on first use and kept.

PYTHON ?= python3
VENV := .venv
VENV15 := .venv-duckdb15
VENVT := .venv-training
BIN := $(VENV)/bin
DUCKDB15 := 1.5.6
LONG := SPACE_SQL_LONG=1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help quickstart test test-duckdb15 lint types format stress crash property test-training bench notebooks docs clean

help:  ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-22s %s\n", $$1, $$2 }'

quickstart: $(VENV)/.installed  ## install into .venv and meet a versioned dataset (under two minutes)
	@$(BIN)/space-sql quickstart

test: lint types  ## lint, types and every test, in .venv
	$(BIN)/pytest -n auto

test-duckdb15: $(VENV15)/.installed-dev  ## every test on DuckDB 1.5, in .venv-duckdb15
	$(VENV15)/bin/pytest -n auto

lint: $(VENV)/.installed-dev  ## style
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.installed-dev  ## strict types
	$(BIN)/mypy

format: $(VENV)/.installed-dev  ## put the code into the house style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

stress: $(VENV)/.installed-dev  ## several writers at once, long form
	$(LONG) $(BIN)/pytest -m stress

crash: $(VENV)/.installed-dev  ## killed in the middle of every write, long form
	$(LONG) $(BIN)/pytest -m crash

property: $(VENV)/.installed-dev  ## random operations beside a model, long form
	$(LONG) $(BIN)/pytest -m property -n auto

test-training: $(VENVT)/.installed-dev  ## the loaders against torch, grain, tensorflow, datasets and ray, in .venv-training
	for part in torch frameworks docs; do $(VENVT)/bin/pytest -rs tests/training/test_$$part.py || exit 1; done
	$(VENVT)/bin/pytest tests/notebooks -k training

bench: $(VENV)/.installed-dev  ## the benchmark table
	$(BIN)/python benchmarks/run.py

notebooks: $(VENV)/.installed-dev  ## run every notebook and keep its output
	$(BIN)/python -m tests.notebooks.execute

docs: $(VENV)/.installed-dev  ## write the function reference anew
	$(BIN)/python docs/reference.py

clean:  ## remove the environments
	rm -rf $(VENV) $(VENV15) $(VENVT)

# An environment is made anew only when it is missing, and filled again when pyproject.toml changes.
$(VENV)/bin/python $(VENV15)/bin/python $(VENVT)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Space SQL needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
	  echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(@D)/..

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,notebook]'
	@touch $@ $(VENV)/.installed

$(VENV15)/.installed-dev: pyproject.toml | $(VENV15)/bin/python
	$(VENV15)/bin/pip install --quiet --disable-pip-version-check --editable '.[dev,notebook]' duckdb==$(DUCKDB15)
	@touch $@

$(VENVT)/.installed-dev: pyproject.toml | $(VENVT)/bin/python
	$(VENVT)/bin/pip install --quiet --disable-pip-version-check --editable '.[dev,training]'
	@touch $@
