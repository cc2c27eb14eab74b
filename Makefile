# Set-up in two commands: `make run` (the demo county, offline) and `make test` (everything that is checked).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false

.PHONY: run test coverage serve lock docs picture clean

run: $(VENV)/.run-time
	@$(BIN)/exclusion run --demo

test: $(VENV)/.development browser database
	@bash .ci/check

$(BIN)/uv:
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or later is needed: set PYTHON=/path/to/python3.11 and run make again")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"

$(VENV)/.run-time: $(BIN)/uv requirements.lock pyproject.toml
	@echo "Installing the pinned dependencies"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(VENV)/.development: $(VENV)/.run-time requirements-dev.lock
	@echo "Installing what the tests need"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements-dev.lock
	@touch $@

# The pages are tested in the system's own Chromium. Without it, and without the right to install it, those
# tests are skipped and say so.
.PHONY: browser
browser:
	@command -v chromium >/dev/null 2>&1 || \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    echo "Installing Chromium for the page tests"; \
	    apt-get update -qq >/dev/null && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null || \
	    echo "Chromium could not be installed: the page tests will be skipped"; \
	  else echo "No chromium on this machine: the page tests will be skipped"; fi

# The database sink is tested in a PostgreSQL with PostGIS that the tests start; without it they are skipped and say so.
.PHONY: database
database:
	@ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1 || \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    echo "Installing PostGIS for the database tests"; \
	    apt-get update -qq >/dev/null && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql-postgis >/dev/null 2>&1 || \
	    echo "PostGIS could not be installed: the database tests will be skipped"; \
	  else echo "No PostGIS on this machine: the database tests will be skipped"; fi

# Which lines no test comes by. Not a part of `make test`: watching every line makes it half as long again.
coverage: $(VENV)/.development browser database
	@bash .ci/check --cov --cov-report=term:skip-covered

# A Prefect server, pool, worker and the deployments on this machine, until Ctrl-C (docs/operations.md).
serve: $(VENV)/.run-time
	@$(BIN)/python -m flows.serve

# Exact versions, no index address.
lock: $(BIN)/uv
	@$(BIN)/uv pip compile --quiet --universal --no-header --python-version 3.11 pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --no-header --python-version 3.11 --all-extras \
	  -c requirements.lock pyproject.toml -o requirements-dev.lock

docs: $(VENV)/.run-time
	@$(BIN)/python -m exclusion.cli.reference docs

picture: $(VENV)/.development
	@$(BIN)/python docs/images/draw_map.py

clean:
	@rm -rf .work .pytest_cache .mypy_cache .ruff_cache .coverage*
