# Two commands matter: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# The first Python on this machine that is new enough; another one: make run PYTHON=/path/to/python3.12
ifndef PYTHON
PYTHON := $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { command -v $$p; break; }; done)
endif
VENV := .venv/bin
MANAGE := $(VENV)/python manage.py

# Where it is set, every process would compile all of its modules anew: ten seconds of each start.
unexport PYTHONDONTWRITEBYTECODE

# Given on the command line or in the environment, these reach the supervisor: make run PORT=8100
export PORT TRACK_PORT MAILBOX_PORT SMTP_PORT HOST

.PHONY: help python venv setup run demo test faults axe check fmt bench screenshots assets browser stop clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

python:
	@test -n "$(PYTHON)" || { echo "Groundswell needs Python 3.11 or newer, and none was found. Install it, or name it: make run PYTHON=/path/to/python3.11" >&2; exit 1; }

venv: python
	@"$(PYTHON)" crm/local/bootstrap.py venv

setup: python ## make .venv/ with the locked packages and build the front end
	@"$(PYTHON)" crm/local/bootstrap.py venv assets

run: setup ## start the whole product on this machine (PORT=8100 chooses another port)
	@exec $(MANAGE) up

demo: setup ## load the demo campaign again (SIZE=1000000 adds so many people)
	@$(MANAGE) demo $(if $(SIZE),--size $(SIZE))

test: setup browser check ## check, then all tests in parallel, browser tests included
	@TEST_FSYNC=off $(VENV)/python -m pytest -n $$($(VENV)/python -c "import os; print(min(6, (os.cpu_count() or 2) + 1))") --dist loadgroup

faults: setup ## kill, stop, fill and starve everything that mail needs, and audit
	@$(VENV)/python -m pytest -n0 tests/faults -o python_files="test_*.py long_*.py"

axe: setup browser ## look at every page with axe, in both themes (make test looks at a fifth)
	@AXE=all $(VENV)/python -m pytest -n0 tests/e2e/test_axe.py

check: venv ## lint, format, types, import rules, Django's checks
	@$(VENV)/python -m crm.local.check

fmt: venv ## format the code
	@$(VENV)/ruff check --fix --quiet . ; $(VENV)/ruff format .

bench: setup ## measure; prints figures as JSON and fails when a bar is not met
	@$(MANAGE) bench all --json

screenshots: setup browser ## take the pictures in docs/ anew
	@$(VENV)/python -m tests.e2e.screenshots

assets: python ## build frontend/ into static/
	@"$(PYTHON)" crm/local/bootstrap.py venv assets

browser: venv
	@"$(PYTHON)" crm/local/bootstrap.py browser

stop: ## end what `make run` started here, wherever its terminal is
	@test ! -x $(VENV)/python || $(VENV)/python -m crm.local.stop

clean: ## remove .venv/, static/ and .local/: the local data too
	@test ! -x $(VENV)/python || $(VENV)/python -m crm.local.stop --discard
	@rm -rf .venv .local static staticfiles frontend/node_modules tests/e2e/browser/node_modules
