# Everything that is done with this repository by hand or by CI. `make` alone lists it.
# Needs Python 3.11 or newer and make; the rest is installed here, in .venv (and, for tests, by apt when allowed).
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-full test-cluster lint docs bench lock services clean

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input
# Every file is named by hash and nothing is resolved: what the lock does not hold is not installed.
INSTALL := $(PIP) install --quiet --require-hashes --no-deps
PYTEST := $(PY) -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# More words for the command that a target runs, such as: make demo ARGS=--no-serve
ARGS ?=

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/run.stamp ## generate a bank, ingest and build it, serve its dashboard on 127.0.0.1
	$(VENV)/bin/tenure demo $(ARGS)

test: $(VENV)/dev.stamp services ## all tests but the long campaigns
	$(PYTEST) -m "not full" $(ARGS)

test-full: $(VENV)/dev.stamp services ## all tests, long campaigns included
	$(PYTEST) $(ARGS)

test-cluster: $(VENV)/dev.stamp services ## only the tests that start a cluster: HDFS, Hive metastore, HiveServer2
	$(PYTEST) tests/cluster $(ARGS)

lint: $(VENV)/dev.stamp ## style, types and the direction of imports
	$(VENV)/bin/ruff check src tests bench tools
	$(VENV)/bin/ruff format --check src tests bench tools
	$(VENV)/bin/basedpyright
	$(VENV)/bin/lint-imports --no-logo

docs: $(VENV)/dev.stamp ## write docs/reference anew from the code, the contracts and the SQL models
	$(PY) tools/reference.py $(ARGS)

bench: $(VENV)/dev.stamp ## measure every claim; each script prints JSON lines
	@for script in $$(grep -l '^if __name__ == "__main__"' bench/*.py); do echo "# $$script" >&2; $(PY) "$$script" $(ARGS) || exit 1; done

lock: $(VENV)/dev.stamp ## write requirements/ anew from pyproject.toml (ARGS=--upgrade for newer versions)
	@mkdir -p build
	tools/lock.sh $(PY) $(ARGS)

services: # what the tests need beyond Python
	@tools/setup_services.sh

clean: ## remove what make made: the environment, builds, caches
	rm -rf $(VENV) build dist .hypothesis .pytest_cache .ruff_cache .import_linter_cache
	find src tests bench tools -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@tools/venv.sh $(VENV)

# What builds our wheel (and pyspark's), so that nothing is fetched unseen while building.
$(VENV)/build.stamp: requirements/build.txt | $(PY)
	@$(INSTALL) --only-binary=:all: -r requirements/build.txt
	@touch $@

$(VENV)/run.stamp: requirements/run.txt pyproject.toml $(VENV)/build.stamp | $(PY)
	@echo "installing what Tenure needs (about 160 MB when pip has not seen it before)"
	@$(INSTALL) --only-binary=:all: -r requirements/run.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/run.stamp | $(PY)
	@echo "installing what the tests need (about 550 MB when pip has not seen it before; Spark is most of it)"
	@$(INSTALL) --use-pep517 --no-build-isolation -r requirements/dev.txt
	@$(PIP) check
	@touch $@
