# Every target makes or refreshes .venv by itself: it is built again when pyproject.toml, constraints.txt or the kernels changed.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
OUT ?= demo
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/pip install --quiet -c constraints.txt
SOURCES := pyproject.toml constraints.txt hatch_build.py $(wildcard src/bimotion/*/*.[ch] src/bimotion/models/kernels/*.[ch])
PYTEST := $(BIN)/python -m pytest

.PHONY: help venv dev demo test fuzz fuzz-server check-api load test-asan test-slow coverage lint format docs dist clean

help:
	@echo "make demo       install, then turn text into motion and motion into text (OUT=$(OUT))"
	@echo "make test       install with the development tools, then run the tests (ARGS='-k bvh')"
	@echo "make fuzz       20,000 mutated inputs for all readers (some minutes)"
	@echo "make fuzz-server  10,000 malformed requests to the server"
	@echo "make check-api  the server against its OpenAPI description, by schemathesis"
	@echo "make load       32 clients on the server for a minute, with its throughput and memory"
	@echo "make test-asan  the kernels' tests under AddressSanitizer"
	@echo "make test-slow  the slow tests, also on a Ray cluster"
	@echo "make coverage   the tests with branch coverage"
	@echo "make lint       ruff, mypy --strict, import-linter"
	@echo "make dist       the source archive and the wheel, in dist/, compared with each other"
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
	$(PIP) -e '.[train,eval,video,serve,mcp,dev]'
	@touch $(VENV)/.installed $@

venv: $(VENV)/.installed

dev: $(VENV)/.installed-dev

demo: $(VENV)/.installed
	$(BIN)/bimotion demo --out $(OUT)

# Two processes of one thread, a module each: more threads than cores wait for each other several times as long as they work.
test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(PYTEST) -n 2 --dist loadfile $(ARGS)

# 420 mutated inputs for each reader, in processes of their own; the default tests run fewer.
fuzz: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz.run --count 420 $(ARGS)

fuzz-server: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(PYTEST) -n 0 -m slow tests/server/test_malformed.py $(ARGS)

check-api: $(VENV)/.installed-dev
	$(BIN)/python -m tools.check_api $(ARGS)

load: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/serve_load.py $(ARGS)

# The kernels compiled with AddressSanitizer, under their tests.
test-asan: $(VENV)/.installed-dev
	mkdir -p .asan
	$(BIN)/python hatch_build.py .asan/libkernels.so -O1 -g -fsanitize=address
	LD_PRELOAD=$$($${CC:-cc} -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 \
	  BIMOTION_KERNELS=$(CURDIR)/.asan/libkernels.so OMP_NUM_THREADS=2 $(PYTEST) -n 0 tests/models/test_kernels.py $(ARGS)

# The tests on a Ray cluster need another half gigabyte of packages.
$(VENV)/.installed-scale: $(VENV)/.installed-dev
	$(PIP) -e '.[scale]'
	@touch $@

test-slow: $(VENV)/.installed-scale
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

# The wheel that is built from the source archive must be the one that is built from the checkout.
dist: $(VENV)/.installed-dev
	$(BIN)/python -m tools.check_packages

clean:
	rm -rf dist site .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
