# setup, run, test, test-all, bench, soak: each builds .venv first, from the hash-pinned lock.
.DEFAULT_GOAL := help
MARK ?= not big
.PHONY: help setup run test test-all again lint bench soak bigquery schemathesis browser proto clean

# A Python from 3.11 to 3.13, whatever it is called here.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1 && echo $$p && break; done)
SCALE ?= small
# 0: no demo, for data of your own.
DEMO ?= 1
# Processes that tests run in, a file each, in the order that tests/conftest.py gives: one more than there
# are cores on a small machine, as some tests wait. Each collects every test, 15 s of a core.
JOBS ?= 3
BIN := .venv/bin
PYTEST := $(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
# All examples of each property, where `make test` tries a third.
WHOLE := --hypothesis-profile=whole
# Where it is set, as in many containers, each of the many processes compiles our modules anew.
unexport PYTHONDONTWRITEBYTECODE

# Install a lock with pip, and say meanwhile how far that is; a failure shows what pip said.
define install
log=$$(mktemp); { $(1)/pip install --disable-pip-version-check --no-deps --require-hashes --progress-bar off -r $(2) 2>&1 \
	|| echo "pip failed"; } | tee $$log | awk '/^Collecting/ && ++n % 20 == 0 {print "  " n " packages fetched"; fflush()} \
	/^Installing collected/ {print "  installing " n " packages"; fflush()}'; \
if grep -q '^pip failed$$' $$log; then grep -v '^WARNING: Location' $$log | tail -n 20 >&2; rm -f $$log; exit 1; fi; rm -f $$log
endef

# An environment of a check's own, .venv-NAME, from a lock; how long that takes the first time.
define environment
test -n "$(PYTHON)" || { echo "error: no Python 3.11 to 3.13 was found; install one, or: make $(1) PYTHON=/path/to/python3" >&2; exit 1; }; \
echo "building .venv-$(1): $(3) the first time"; \
$(PYTHON) -m venv --clear .venv-$(1) && { $(call install,.venv-$(1)/bin,$(2)); } && touch .venv-$(1)/installed
endef

help:
	@echo "make run    the product, with a demo in it (SCALE=large for a big one, DEMO=0 for your own data)"
	@echo "make test   every check, and the tests that a change must pass"
	@echo "make test-all   the big tests: servers, processes that are killed, the marts and documents whole"
	@echo "make bench  the benchmarks"
	@echo "make soak   one hour at 1,000 events/s"
	@echo "make bigquery   the marts, compiled for BigQuery (an environment of its own)"
	@echo "make schemathesis   the stock service, asked for all that its description has (an environment of its own)"
	@echo "make browser   the console, used in Chromium (an environment of its own)"
	@echo "make proto  the Python module of inventory.proto, anew"
	@echo "make clean  forget .venv and .inventory"

setup: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 to 3.13 was found; install one, or: make setup PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "building .venv with $(PYTHON): about two minutes the first time"
	@$(PYTHON) -m venv --clear .venv
	@$(call install,$(BIN),requirements.lock)
	@echo "  our own packages"
	@$(BIN)/pip install --disable-pip-version-check --no-deps --no-build-isolation -q -e .
	@touch $@

run: setup
	@$(BIN)/inventory run --scale $(SCALE) $(if $(filter 0,$(DEMO)),--no-demo)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(PYTEST) -m "not big"

# MongoDB's wire, PostgreSQL, Google's Pub/Sub emulator, BigQuery's SQL, schemathesis, Chromium; the product as processes
# that are killed; every build of the marts but one; every command of the documents; each property on all of its examples.
# `make test` has a small one of each kind that needs no server.
test-all: setup bigquery schemathesis browser
	$(PYTEST) $(WHOLE) -m "big or law"

# Those that failed last, alone, three at most; none is a failure of something else.
again: setup
	@test "$$($(BIN)/pytest --collect-only -q --lf --lfnf=none -m '$(MARK)' 2>/dev/null | grep -c ::)" -le 3
	$(BIN)/pytest --lf --lfnf=none $(if $(findstring law,$(MARK)),$(WHOLE)) -m '$(MARK)'

bench: setup
	POLARS_MAX_THREADS=1 $(BIN)/python -m benchmarks

soak: setup
	$(BIN)/python -m tests.lake.journal.killing --seeds 4
	$(BIN)/python -m tests.lake.journal.killing --seeds 4 --postgres
	$(BIN)/python -m benchmarks.soak

bigquery: .venv-bigquery/installed
	@.venv-bigquery/bin/python dbt_project/check_bigquery.py

# BigQuery's adapter is heavy, and nothing but this needs it.
.venv-bigquery/installed: dbt_project/bigquery.lock
	@$(call environment,bigquery,$<,about a minute)

schemathesis: setup .venv-schemathesis/installed
	@$(BIN)/python -m tests.api.fuzzing

# It brings a pytest and a hypothesis of its own.
.venv-schemathesis/installed: tests/api/schemathesis.lock
	@$(call environment,schemathesis,$<,half a minute)

browser: setup .venv-browser/installed
	@$(BIN)/python -m tests.browser -q

# Playwright brings a Node of its own; it drives Debian's chromium.
.venv-browser/installed: tests/browser/browser.lock
	@$(call environment,browser,$<,half a minute)

# A test compares it with what is checked in.
proto: setup
	$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. inventory_assets/messaging/proto/inventory.proto

clean:
	rm -rf .venv .venv-bigquery .venv-schemathesis .venv-browser .inventory
