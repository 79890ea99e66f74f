# `make help` lists what there is. Needs make and Python 3.10 or newer; all else
# goes into .venv, and a second run only does what has changed.

VENV   := .venv
PY     := $(VENV)/bin/python
PIP    := $(PY) -m pip install --quiet --disable-pip-version-check
DEV    := $(VENV)/.installed-dev
DEMO   := $(VENV)/.installed-demo
# Test processes at a time, a file to each, so that what a file sets up is set up once; in the
# order of tests/conftest.py, which begins with what takes longest;
# `make test JOBS=0` runs them in one, for a debugger.
JOBS   ?= 3
# More words for pytest: make test ARGS="-k merge -x"
ARGS   ?=
# An earlier build to measure beside this one: make bench BEFORE=../plexsync-1.0
BEFORE ?=
# A Python to use instead of the first suitable one on PATH.
PYTHON ?=

# PlexSync is run from its folder, never installed, so the folder is the path;
# a PYTHONPATH from outside could put other rooms in front of ours.
export PYTHONPATH :=
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help test unit lint types demo bench soak docs pictures package schema browser clean

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile

test: lint types unit ## set up from nothing and run every check

unit: $(DEV) schema browser ## run the tests only
	$(PY) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not soak" $(ARGS)

lint: $(DEV) ## ruff, with a reason beside every exception
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(DEV) ## mypy, strict
	$(PY) -m mypy .

demo: $(DEMO) schema ## one scene from Stash's hook to Plex, on stand-ins, with times
	$(PY) -m simulator.demo

bench: $(DEMO) schema ## the numbers we promise, each a ratio taken in one run
	$(PY) -m tools.bench $(if $(BEFORE),--before $(BEFORE))

soak: $(DEV) schema browser ## the long modes: kills, faults, months
	$(PY) -m pytest -m soak --timeout 3600 $(ARGS)

docs: $(DEV) ## write the README's tables from PlexSync.yml
	$(PY) tools/render_readme.py

pictures: $(DEV) schema browser ## take the pictures of docs/screenshots anew
	$(PY) -m tests.browser.pictures

# The stand-in of Stash executes GraphQL against Stash's own schema, which is
# fetched as test data and never committed. Does nothing when it is there.
schema: $(PY)
	@$(PY) tools/fetch_stash_schema.py

package: $(PY) ## dist/PlexSync.zip with its packages inside, and index.yml for a source
	$(PY) tools/package.py

# What the browser tests run in: Chromium, and the libraries that Stash's own pages are
# made of, which npm brings once. Root on Debian gets what is missing, others are told.
browser: $(PY)
	@missing=""; \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing=" chromium"; \
	$(PY) tools/fetch_browser_parts.py --check || command -v npm >/dev/null || missing="$$missing npm"; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing for the browser tests:$$missing"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	        apt-get install -qq -y --no-install-recommends $$missing >/dev/null && missing=""; \
	fi; \
	if [ -n "$$missing" ]; then \
	    echo "The browser tests need what is not on PATH:$$missing" >&2; \
	    echo "On Debian or Ubuntu: sudo apt-get install -y$$missing" >&2; \
	    echo "All other tests: $(PY) -m pytest --ignore tests/browser" >&2; exit 1; \
	fi
	@$(PY) tools/fetch_browser_parts.py

clean: ## remove all that make has made
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A link to an interpreter that is gone counts as missing, so an old .venv mends itself.
$(PY):
	@for candidate in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do \
	    if "$$candidate" -c 'import sys, venv, ensurepip, sqlite3; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then \
	        echo "Making $(VENV) with $$candidate ($$($$candidate --version 2>&1))"; \
	        exec "$$candidate" -m venv --clear $(VENV); \
	    fi; \
	done; \
	echo "PlexSync needs Python 3.10 or newer with the modules venv and sqlite3, and found none on PATH." >&2; \
	echo "On Debian or Ubuntu: apt-get install python3 python3-venv. Or name one: make test PYTHON=/path/to/python3" >&2; \
	exit 1

$(DEMO): $(PY) requirements.txt requirements-dev.txt
	$(PIP) -r requirements.txt graphql-core PyYAML -c requirements-dev.txt
	@touch $@

$(DEV): $(PY) requirements.txt requirements-dev.txt
	$(PIP) -r requirements-dev.txt
	@touch $@ $(DEMO)
