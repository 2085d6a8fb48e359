# Needs python3 (3.11 to 3.13), python3-venv and make; everything else is installed into .venv from locked requirements.

PYTHON := .venv/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --quiet
WORKERS ?= 2

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: run
run: .venv/base.stamp ## start the bot; without PLECHO_BOT_TOKEN on a local stand-in for Telegram with a chat page
	@if [ -n "$$PLECHO_BOT_TOKEN" ]; then exec .venv/bin/plecho run; else exec .venv/bin/plecho demo; fi

.PHONY: test
test: .venv/dev.stamp ## run all tests on SQLite and PostgreSQL
	$(PYTHON) -m pytest -n $(WORKERS) --dist worksteal

.PHONY: check
check: .venv/dev.stamp ## lint, types, import rules, catalogues
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports --no-cache
	$(PYTHON) -m texts.check

.PHONY: bench
bench: .venv/dev.stamp ## measure the pipeline beside its floor and beside a bare echo bot
	$(PYTHON) -m tests.bench

.PHONY: soak
soak: .venv/dev.stamp ## kill and restart the fund through scripted days (SOAK_SEED, SOAK_CASES); 10,000 payouts (2,000 on PostgreSQL; STORM_SEED), 100,000 events
	$(PYTHON) -m tests.soak
	$(PYTHON) -m pytest -m soak --timeout 0 --capture no

.PHONY: screenshots
screenshots: .venv/dev.stamp ## make the pictures of the README anew (needs Chromium)
	$(PYTHON) -m tests.screenshots

.PHONY: migration
migration: .venv/dev.stamp ## write revision 0001 anew from the models (only while nothing is released)
	$(PYTHON) -m migrations.regenerate

.PHONY: lock
lock: .venv/bin/uv ## lock the requirements with hashes; UPGRADE=--upgrade takes newer versions
	cd requirements && for name in base dev; do \
		../.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
			--no-emit-index-url $(UPGRADE) --output-file $$name.txt $$name.in || exit 1; \
	done
	@! grep -n '://' requirements/*.txt || { echo 'a lock names an address' >&2; exit 1; }

.venv/bin/uv: .venv/bin/python
	$(PIP) install uv

# Hashes for every package, wheels only: nothing is compiled and nothing unlocked runs at installation.
.venv/base.stamp: requirements/base.txt pyproject.toml | .venv/bin/python
	@echo 'Installing what Plecho needs into .venv ...'
	$(PIP) install --require-hashes --only-binary :all: --requirement requirements/base.txt
	$(PIP) install --no-index --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.stamp: requirements/dev.txt .venv/base.stamp
	@echo 'Installing what the tests need into .venv ...'
	$(PIP) install --require-hashes --only-binary :all: --requirement requirements/dev.txt
	@touch $@

.venv/bin/python:
	python3 -m venv .venv
