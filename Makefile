# The daily verbs. Each makes the environment first when it is missing or its locks have changed.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAGE ?= local
ROLE ?= admin
SUBJECT ?= admin
PROCESSES ?= auto
RUN_STAMP := $(VENV)/.installed-local
DEV_STAMP := $(VENV)/.installed-dev

.PHONY: demo up down clean test check integration conformance crashes histories chaos bench flatness logs token schemas
.DEFAULT_GOAL := demo

$(VENV)/bin/uv: requirements-uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@touch $@

$(RUN_STAMP): $(VENV)/bin/uv requirements-local.txt pyproject.toml
	@echo "Installing what the stage needs"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $(if $(wildcard $(DEV_STAMP)),requirements-dev.txt,requirements-local.txt)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

$(DEV_STAMP): $(VENV)/bin/uv requirements-dev.txt pyproject.toml
	@echo "Installing what the tests need"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@ $(RUN_STAMP)

demo: $(RUN_STAMP) ## start everything, let a few buyers purchase, show one purchase's journey
ifeq ($(STAGE),docker)
	@$(BIN)/python -m deploy.stage.docker $(if $(ONCE),--once)
else
	@$(BIN)/payfirst demo $(if $(ONCE),--once)
endif

up: $(RUN_STAMP) ## start everything and keep it running
	@$(BIN)/payfirst up $(if $(DETACH),--detach)

down: $(RUN_STAMP) ## stop what `make up` started
	@$(BIN)/payfirst down

clean: ## stop and remove the stage's data
	@test ! -x $(BIN)/payfirst || $(BIN)/payfirst clean
	@rm -rf .payfirst

token: $(RUN_STAMP) ## print a token: make token ROLE=admin SUBJECT=name
	@$(BIN)/payfirst token --role $(ROLE) --subject $(SUBJECT)

logs: $(RUN_STAMP) ## the last lines of every log
	@$(BIN)/payfirst logs $(NAME)

check: $(DEV_STAMP) ## lint, format, types
	@deploy/timed lint $(BIN)/ruff check .
	@deploy/timed format $(BIN)/ruff format --check --quiet .
	@deploy/timed types $(BIN)/mypy

schemas: $(DEV_STAMP) ## write the schemas, examples and AsyncAPI of the contracts anew
	@$(BIN)/python -m contracts.generate && $(BIN)/python -m deploy.asyncapi

test: check ## everything that CI runs; a part that is missing fails, nothing is skipped
	@PAYFIRST_REQUIRE_PARTS=1 $(BIN)/python -m pytest -m "not chaos" -q -n $(PROCESSES) --no-loadscope-reorder

conformance: $(DEV_STAMP) ## every scenario at every gateway, as a table
	@$(BIN)/python -m pytest -q services/payment/tests/conformance

crashes: $(DEV_STAMP) ## kill -9 of payment at every named point around every call outward
	@CRASH_POINTS=all $(BIN)/python -m pytest -q services/payment/tests/crashes

histories: $(DEV_STAMP) ## 100,000 random histories against a plain model, 10,000 through the real adapters with faults
	@HISTORIES=100000 $(BIN)/python -m pytest -q --timeout 7200 services/payment/tests/domain/test_histories.py
	@ADAPTER_HISTORIES=10000 $(BIN)/python -m pytest -q -s --timeout 10800 services/payment/tests/histories

integration: $(DEV_STAMP) ## only the journeys over the whole stage
	@$(BIN)/python -m pytest tests/integration -q

chaos: $(DEV_STAMP) ## kill processes, broker and database under load; ends with one line of JSON
	@$(BIN)/python -m tests.chaos

bench: $(DEV_STAMP) ## measure; prints a table and writes bench/results/latest.json
	@$(BIN)/python -m bench

flatness: $(DEV_STAMP) ## 100,000 purchases on one stage: is the last as cheap as the first? writes bench/results/flatness.json
	@$(BIN)/python -m bench.flatness
