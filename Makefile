# Every command of the project; `make` alone lists them. Nothing is installed outside .venv/ and
# node_modules/, and nothing is installed twice.

VENV := .venv
BIN := $(VENV)/bin
NPM := $(shell command -v npm)

# Each stamp is newer than the files that list what it stands for.
SETUP_READY := $(VENV)/.setup-ready
SERVE_READY := $(VENV)/.serve-ready
DEV_READY := $(VENV)/.dev-ready
RAY_READY := $(VENV)/.ray-ready
NPM_READY := $(if $(NPM),node_modules/.package-lock.json)

INSTALL := $(BIN)/uv pip install --python $(BIN)/python
INSTALL_SKIPLENS := $(INSTALL) --quiet --no-deps --no-build-isolation --editable .
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	-c requirements/constraints.in

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup serve test cluster lint format bench soak lock

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile
	@echo 'PYTHON=/path/to/python picks the Python for .venv/.'
	@echo 'ARGS="..." passes options to serve, test and cluster (pytest), bench, soak and lock (uv).'

setup: $(DEV_READY) $(NPM_READY) ## set up the whole environment, with TensorFlow

serve: $(SERVE_READY) ## set up what serving needs, serve the gallery and print its address
	@$(BIN)/skiplens serve $(ARGS)

test: setup ## set up and run every test
	@if node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null; then \
		node --test $(wildcard tests/js/*.test.js); \
	elif [ -n "$$SKIPLENS_REQUIRE_BROWSER" ]; then \
		echo 'The tests of the browser code need Node 18 or newer.' >&2; exit 1; \
	else \
		echo 'Skipping the tests of the browser code: they need Node 18 or newer.'; \
	fi
	@# Dozens of processes import the same modules: only the first has to compile them.
	env -u PYTHONDONTWRITEBYTECODE \
		$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 0 $(ARGS)

cluster: $(RAY_READY) ## add Ray to the environment, and run the tests on it
	$(BIN)/python -m pytest -n 0 tests/web/cluster tests/export/test_extraction_on_ray.py $(ARGS)

lint: setup ## check style, types, imports between packages, and the browser code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(wildcard app tests scripts benchmarks examples)
	$(BIN)/lint-imports --no-logo
	$(BIN)/hadolint Dockerfile
	$(if $(NPM),node_modules/.bin/tsc,@echo 'Skipping the browser code: checking it needs npm.')

format: $(DEV_READY) ## format the Python code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV_READY) ## measure speed and memory, as ratios within one run
	$(BIN)/python -m benchmarks $(ARGS)

soak: $(DEV_READY) ## attack a server for a quarter of an hour, and tell what happened
	PYTHONPATH=. $(BIN)/python -m tests.e2e.soak $(ARGS)

lock: $(SETUP_READY) ## write requirements/ from pyproject.toml; ARGS=--upgrade for newer versions
	$(COMPILE) $(ARGS) pyproject.toml -o requirements/serve.txt
	$(COMPILE) $(ARGS) --group setup -c requirements/serve.txt -o requirements/setup.txt
	$(COMPILE) $(ARGS) pyproject.toml --extra postgresql -c requirements/serve.txt \
		-o requirements/postgresql.txt
	$(COMPILE) $(ARGS) pyproject.toml --extra tensorflow --extra extract --extra postgresql \
		--group dev -c requirements/postgresql.txt -c requirements/setup.txt -o requirements/dev.txt
	$(COMPILE) $(ARGS) pyproject.toml --extra postgresql --extra ray -c requirements/dev.txt \
		-o requirements/ray.txt
	$(COMPILE) $(ARGS) pyproject.toml --extra gpu -c requirements/dev.txt -o requirements/gpu.txt

# A version manager's shim may be unable to start the Python it is named after, and Debian ships
# Python without venv: so each candidate is run, not just looked up.
$(BIN)/python:
	@for python in $(or $(PYTHON),python3.13 python3.12 python3.11 python3); do \
		if "$$python" -c 'import ensurepip, sys, venv; \
			sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; \
		then \
			echo "Setting up $(VENV)/ with $$("$$python" --version)."; \
			"$$python" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }; \
			exit 0; \
		fi; \
	done; \
	echo 'skiplens needs Python 3.11, 3.12 or 3.13 with its venv module (python3-venv on Debian);' \
		'$(if $(PYTHON),$(PYTHON) is not one.,install one, or name it with PYTHON=/path/to/python.)' >&2; \
	exit 1

$(SETUP_READY): requirements/setup.txt $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(SERVE_READY): requirements/serve.txt pyproject.toml $(SETUP_READY)
	$(INSTALL) --require-hashes -r $<
	@$(INSTALL_SKIPLENS)
	@touch $@

# It includes what serving needs, in the same versions.
$(DEV_READY): requirements/dev.txt pyproject.toml $(SETUP_READY)
	$(INSTALL) --require-hashes -r $<
	@$(INSTALL_SKIPLENS)
	@touch $(SERVE_READY) $@

# Ray is an addition of more than 100 MB that only the cluster needs.
$(RAY_READY): requirements/ray.txt $(DEV_READY)
	$(INSTALL) --require-hashes -r $<
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json .npmrc
	npm ci
	@touch $@
