# Every target makes or refreshes .venv by itself: it is built again when pyproject.toml, constraints.txt or the kernels changed.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
OUT ?= demo
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/pip install --quiet -c constraints.txt
SOURCES := pyproject.toml constraints.txt hatch_build.py $(wildcard src/bimotion/models/kernels/*.[ch])
PYTEST := $(BIN)/python -m pytest

.PHONY: help venv dev demo test test-slow coverage lint format docs clean

help:
	@echo "make demo       install, then turn text into motion and motion into text (OUT=$(OUT))"
	@echo "make test       install with the development tools, then run the tests (ARGS='-k bvh')"
	@echo "make test-slow  the slow tests"
	@echo "make coverage   the tests with branch coverage"
	@echo "make lint       ruff, mypy --strict, import-linter"
	@echo "make docs       the documentation site, in site/"
	@echo "make venv       only the environment in $(VENV) (PYTHON=$(PYTHON))"

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "make: $(PYTHON) was not found; install Python 3.11 to 3.13 or say PYTHON=/path/to/python" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(SOURCES) | $(BIN)/python
	$(PIP) -e .
	@touch $@

$(VENV)/.installed-dev: $(SOURCES) | $(BIN)/python
	$(PIP) -e '.[train,eval,video,dev]'
	@touch $(VENV)/.installed $@

venv: $(VENV)/.installed

dev: $(VENV)/.installed-dev

demo: $(VENV)/.installed
	$(BIN)/bimotion demo --out $(OUT)

# Two processes, a module each: most of the time goes into the checks of types that tests run under.
test: $(VENV)/.installed-dev
	$(PYTEST) -n 2 --dist loadfile $(ARGS)

test-slow: $(VENV)/.installed-dev
	$(PYTEST) -m slow $(ARGS)

coverage: $(VENV)/.installed-dev
	$(PYTEST) --cov --cov-report=term-missing $(ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(BIN)/python
	$(PIP) -e '.[docs]'
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --quiet

clean:
	rm -rf site .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
