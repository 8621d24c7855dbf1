# The two commands that matter: `make run` and `make test`. Each sets up what it needs.
# Needs only make, a package index, and Python 3.11 or 3.12 (`make PYTHON=… run` names one).

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CANDIDATES := python3.11 python3.12 python3
IS_RIGHT := import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for one in $(CANDIDATES); do \
	"$$one" -c "$(IS_RIGHT)" 2>/dev/null && { echo "$$one"; break; }; done)
endif
THIS_PYTHON := $(if $(filter command environment,$(firstword $(origin PYTHON))),--this-python)

BIN := .venv/bin
WHO := erin.walsh
TOOLS := .venv-tools/bin

.PHONY: help run code test walk outside bench audit lint format lock clean environment tools model

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: model ## Start the assistant with the demo organisation
	@$(BIN)/gatehouse init --demo
	@exec $(BIN)/gatehouse run --demo

code: environment ## Show a demo account's code: make code WHO=erin.walsh
	@$(BIN)/gatehouse demo code "$(WHO)"

test: model ## Run every test
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile -m "not outside" \
		-p tests.results --results-file build/results/tests.json
	@$(BIN)/gatehouse test

walk: model ## Walk through the page in Chromium and renew the pictures of docs/usability.md
	@GATEHOUSE_PICTURES=docs/usability $(BIN)/python -m pytest -q tests/browser/test_usability.py

bench: model ## Measure against plain Rasa: make bench, or make bench ONLY=store
	@$(BIN)/python -m bench $(ONLY)

outside: model tools ## Attack a served deployment: testssl.sh, MDN's HTTP Observatory, schemathesis, the self-test
	@$(BIN)/python -m pytest tests/outside tests/selftest -m outside \
		-p tests.results --results-file build/results/outside.json

audit: environment ## Bill of materials, licences, advisories and age of the production set
	@$(if $(PYTHON),,exit 6;) "$(PYTHON)" tools/environment.py audit $(THIS_PYTHON)
	@$(BIN)/python -m tools.audit all $(if $(ADVISORIES),--advisories "$(ADVISORIES)")

lint: environment tools ## Check style, types and layers
	@$(TOOLS)/ruff format --check --quiet --output-format concise . || { echo "hint: make format"; exit 1; }
	@$(TOOLS)/ruff check --quiet .
	@$(TOOLS)/mypy --python-executable $(BIN)/python
	@$(TOOLS)/lint-imports --no-cache >.venv-tools/layers.log || { cat .venv-tools/layers.log; exit 1; }

format: tools ## Format the code
	@$(TOOLS)/ruff format --quiet .
	@$(TOOLS)/ruff check --quiet --fix .

lock: ## Resolve the dependencies again (needs uv)
	uv lock --quiet
	uv export --quiet --format requirements-txt --no-emit-project --no-header --no-annotate \
		--no-default-groups --output-file requirements.lock >/dev/null
	uv export --quiet --format requirements-txt --no-emit-project --no-header --no-annotate \
		--only-group test --output-file requirements-test.lock >/dev/null
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate tools/requirements.in --output-file tools/requirements.lock >/dev/null
	uv pip compile --no-config --quiet --universal --python-version 3.12 --generate-hashes --no-header \
		--no-annotate --no-deps tools/forms.in --output-file tools/forms.lock >/dev/null
	uv pip compile --no-config --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate tools/audit/requirements.in --output-file tools/audit/requirements.lock >/dev/null

clean: ## Remove the environments, the model and caches; var/ stays
	rm -rf .venv .venv-tools .venv-audit models .rasa results build gatehouse.egg-info \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis

environment:
	@$(if $(PYTHON),,echo "error: Python 3.11 or 3.12 is needed, none was found" >&2; exit 6;) \
		"$(PYTHON)" tools/environment.py application $(THIS_PYTHON)

tools:
	@$(if $(PYTHON),,echo "error: Python 3.11 or 3.12 is needed, none was found" >&2; exit 6;) \
		"$(PYTHON)" tools/environment.py tools $(THIS_PYTHON)

model: environment
	@$(BIN)/gatehouse train
