# Needs Python 3.11 or newer and make; everything else is installed into .venv.
#
#   make up      run a cluster on this machine         (make up ARGS='--nodes 5')
#   make test    all checks, all tests                 (make test PYTEST_ARGS='-k up')
#   make test-deploy  bring compose.yaml up and treat it badly (root, dockerd, mmdebstrap; without,
#                it says so)
#   make test-mixed  the cluster tests, every second node on another release  (RELEASE=v0.1.0)
#   make check   format, lint, types, imports between floors
#   make readme  write anew what is made of the code: README's conversation and tables of settings
#                and metrics, the schema of the JSON dialect
#   make screenshots  take the pictures of the pages in docs/images (needs chromium)
#   make bench   measure, beside other servers, and write docs/benchmarks.md (Linux, a C compiler)
#   make bench-quick  measure in less than two minutes, and write nothing
#   make work    count what a line and a session cost, and write tests/load/work.toml (Linux)
#   make chaos   do terrible things to a cluster and judge what people saw
#                (make chaos SEED=7 MINUTES=30 NODES=6; TOPOLOGY=one, sentinel or cluster)
#   make lock    write deploy/requirements.txt anew: what the image installs, with hashes
#   make rules   write Prometheus's rules as Kubernetes wants them, from deploy/prometheus/rules.yml
#   make venv    only install
#   make clean   remove what make and the tools made; the cluster's data in .chorus stays

# Another Python: make up PYTHON=python3.13
PYTHON ?=
ARGS ?=
PYTEST_ARGS ?=
SEED ?=
MINUTES ?=
NODES ?=
RELEASE ?=
TOPOLOGY ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: up venv test test-deploy test-mixed check readme screenshots bench bench-quick work chaos rules lock clean

up: venv
	@$(BIN)/chorus up $(ARGS)

venv: .venv/installed

# What fails once is run once more, and told (RERUN): thousands of tests with real processes and
# browsers on a busy machine. It's to be looked at; what fails twice is red.
test: check
	$(BIN)/pytest --reruns 1 -r aR $(PYTEST_ARGS)

test-deploy: .venv/installed-dev
	$(BIN)/python -m tests.deploy

test-mixed: .venv/installed-dev
	$(BIN)/python -m tests.mixed $(RELEASE) $(if $(PYTEST_ARGS),-- $(PYTEST_ARGS))

check: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

readme: .venv/installed-dev
	$(BIN)/python -m tests.support.readme

screenshots: .venv/installed-dev
	$(BIN)/python -m tests.browser.screenshots $(PICTURES)

bench: .venv/installed-dev
	$(BIN)/python -m tests.load

bench-quick: .venv/installed-dev
	$(BIN)/python -m tests.load --quick

work: .venv/installed-dev
	$(BIN)/python -m tests.load.work

chaos: .venv/installed-dev
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(NODES),--nodes $(NODES)) $(if $(TOPOLOGY),--topology $(TOPOLOGY))

rules: .venv/installed-dev
	$(BIN)/python -m tests.support.prometheus_rule

lock: .venv/installed-dev
	@$(PIP) 'uv>=0.13,<1'
	$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header -o deploy/requirements.txt

clean:
	rm -rf .venv build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps are older than pyproject.toml: what is installed may be, too.
.venv/installed: pyproject.toml | $(BIN)/python
	@echo 'installing into .venv (once, takes a moment)'
	@$(PIP) --editable .
	@touch $@

.venv/installed-dev: pyproject.toml | $(BIN)/python
	@echo 'installing into .venv, with the tools for tests (once, takes a moment)'
	@$(PIP) --editable '.[dev]'
	@touch .venv/installed $@

# The first of these that is new enough.
$(BIN)/python:
	@for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    exec "$$python" -m venv --clear .venv; \
	  fi; \
	done; \
	echo 'chorus needs Python 3.11 or newer, and found none. If it is there under another' >&2; \
	echo 'name, say so: make PYTHON=/path/to/python3' >&2; \
	exit 1
