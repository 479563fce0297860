# Space SQL. `make` alone lists what can be made; environments are made on first use and kept.

PYTHON ?= python3
VENV := .venv
VENV15 := .venv-duckdb15
VENVT := .venv-training
VENVB := .venv-browser
VENVS ?= .venv-superset
VENVL := .venv-label-studio
LABEL_STUDIO ?= $(VENVL)/bin/label-studio
BIN := $(VENV)/bin
DUCKDB15 := 1.5.6
SERVER := 1.23.2
SUPERSET := apache-superset==6.1.0 rich cachetools flask-caching==2.3.1 cachelib==0.13.0
NODE := tests/hosts/node/node_modules/@duckdb/node-api/package.json
LONG := SPACE_SQL_LONG=1
HOSTS := python,extension

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help quickstart test test-duckdb15 lint types format stress crash property test-training test-browser test-label-studio test-superset bench notebooks memcheck docs clean

help:  ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-26s %s\n", $$1, $$2 }'

quickstart: $(VENV)/.installed  ## install into .venv and meet a versioned dataset (under two minutes)
	@$(BIN)/space-sql quickstart

test: lint types $(NODE)  ## lint, types and every test, in .venv
	$(BIN)/pytest -n auto

# The shell and Node bring a DuckDB of their own: `make test` has tested them.
test-duckdb15: $(VENV15)/.installed-dev $(NODE)  ## every test on DuckDB 1.5, in .venv-duckdb15
	SPACE_SQL_HOSTS=$(HOSTS) $(VENV15)/bin/pytest -n auto $(TESTS)

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
	for part in torch frameworks orders tfds docs ray ray_fragments; do $(VENVT)/bin/pytest -rs tests/training/test_$$part.py || exit 1; done
	$(VENVT)/bin/pytest tests/notebooks -k training

# Chromium is the system's: `apt install chromium`. SPACE_SQL_SCREENSHOTS=1 writes the pictures of docs/images anew.
test-browser: $(VENVB)/.installed-dev  ## the page of space-sql serve, and JupyterLab, in headless Chromium, in .venv-browser
	$(VENVB)/bin/pytest -rs tests/browser/test_page.py tests/browser/test_notebook.py

# The server has an environment of its own; LABEL_STUDIO=…/bin/label-studio names one that is installed already.
test-label-studio: $(VENV)/.installed-dev $(LABEL_STUDIO)  ## people label, SQL corrects: the story with a real Label Studio
	LABEL_STUDIO=$(abspath $(LABEL_STUDIO)) $(BIN)/pytest -rs tests/label_studio/test_story.py

# Its environment is the one that docs/bi.md describes; VENVS=… names another place for it.
test-superset: $(VENVS)/.installed-dev  ## Apache Superset on space:///folder in headless Chromium, in .venv-superset
	$(VENVS)/bin/pytest -rs tests/browser/test_superset.py tests/unit/test_sqlalchemy.py tests/unit/test_convert.py

# Leaks are not asked for here: Python's own would hide ours. The test of a thousand rounds looks for them.
memcheck: $(VENV)/.installed-dev  ## the extension's C code under the address and undefined-behaviour sanitizers
	CC="gcc -g -fsanitize=address,undefined -fno-sanitize-recover=undefined" ASAN_OPTIONS=detect_leaks=0 \
	  LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	  $(BIN)/pytest tests/extension -k "not memory"

bench: $(VENV)/.installed-dev  ## the benchmark table
	$(BIN)/python benchmarks/run.py

notebooks: $(VENV)/.installed-dev  ## run every notebook and keep its output
	$(BIN)/python -m tests.notebooks.execute

docs: $(VENV)/.installed-dev  ## write the function reference and the table of hosts anew
	$(BIN)/python docs/reference.py
	$(BIN)/python -m tests.hosts.table

clean:  ## remove the environments
	rm -rf $(VENV) $(VENV15) $(VENVT) $(VENVB) $(VENVL) .venv-superset tests/hosts/node/node_modules

# An environment is made anew only when it is missing, and filled again when pyproject.toml changes.
$(VENV)/bin/python $(VENV15)/bin/python $(VENVT)/bin/python $(VENVB)/bin/python $(VENVL)/bin/python $(VENVS)/bin/python:
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

# DuckDB for Node, for the tests there. Without it they are skipped, and say so; in CI that is a failure.
$(NODE): tests/hosts/node/package.json
	@if command -v npm >/dev/null; then \
	  npm install --prefix tests/hosts/node --no-package-lock --no-audit --no-fund --loglevel=error && touch $@ || \
	  echo "npm could not install DuckDB for Node, so nothing is tested there."; \
	else echo "There is no npm, so nothing is tested in Node."; fi

$(VENVT)/.installed-dev: pyproject.toml | $(VENVT)/bin/python
	$(VENVT)/bin/pip install --quiet --disable-pip-version-check --editable '.[dev,training]'
	@touch $@

$(VENVB)/.installed-dev: pyproject.toml | $(VENVB)/bin/python
	$(VENVB)/bin/pip install --quiet --disable-pip-version-check --editable '.[dev,serve,notebook]' playwright jupyterlab
	@touch $@

$(VENVL)/bin/label-studio: | $(VENVL)/bin/python
	$(VENVL)/bin/pip install --quiet --disable-pip-version-check 'label-studio==$(SERVER)'

# Superset asks for a pyarrow that is too old for Space SQL and runs with a newer one: pip says so, and goes on.
$(VENVS)/.installed-dev: pyproject.toml | $(VENVS)/bin/python
	$(VENVS)/bin/pip install --quiet --disable-pip-version-check $(SUPERSET)
	$(VENVS)/bin/pip install --quiet --disable-pip-version-check --editable '.[sqlalchemy]' 'pyarrow<26' pytest playwright pillow
	@touch $@
