# Every command of this repository. Each sets up .venv first, and touches no other environment.
# `make PYTHON=/path/to/python3 ...` chooses the interpreter that .venv is made with.

BIN := .venv/bin
STAMP := .venv/.installed
PYTHON ?=
EXAMPLES := $(patsubst examples/%/main.py,%,$(wildcard examples/*/main.py))

# What a shell has set for other projects must not reach this one's tools.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help demo test check bench soak wheel format clean

help: ## What can be done here
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /make \1|/' | \
		awk -F'|' '{ printf "  %-12s %s\n", $$1, $$2 }'

demo: $(STAMP) ## Read the text in a film clip: the OCR example, run as the contract says
	@$(BIN)/python examples/demo.py

# One process a core, two at most: they share the machine with the taggers that they start.
# Containers come afterwards, in one process: two would build each image twice.
# ARGS narrows the first run (make test ARGS="tests/media -k rotation"), and drops the second.
test: $(STAMP) ## Run every test, with coverage
ifdef ARGS
	$(BIN)/python -m pytest -n 2 -m "not container" $(ARGS)
else
	$(BIN)/python -m pytest -n 2 -m "not container" --cov
	$(BIN)/python -m pytest -m container tests/container
endif

check: $(STAMP) ## Format, lint, types and the layers of the house
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy $(wildcard examples/*.py)
	@set -e; for example in $(EXAMPLES); do \
		echo "mypy examples/$$example"; \
		(cd examples/$$example && \
			../../$(BIN)/mypy --cache-dir ../../.mypy_cache/examples/$$example *.py); \
	done
	$(BIN)/lint-imports

# Peers that are not installed get a row that says so; `pip install -e .[bench]` brings them.
bench: $(STAMP) ## Measure speed and memory beside other libraries; takes half an hour
	@set -e; for benchmark in wire daemon decode page tags; do \
		printf '\n== %s\n' $$benchmark; \
		$(BIN)/python -m tests.benchmarks.$$benchmark; \
	done

# Fuzzing needs atheris, `pip install -e .[soak]`. What each of them shows: docs/reliability.md.
soak: $(STAMP) ## Kill, stop, flood and fuzz taggers for two hours
	@set -e; for soak in killed stopped growing bad_media same_bytes many_files fuzz; do \
		printf '\n== %s\n' $$soak; \
		$(BIN)/python -m tests.soak.$$soak; \
	done

wheel: $(STAMP) ## Build the wheel into dist/, as a tagger's image installs it
	$(BIN)/python -m hatchling build -t wheel -d dist

format: $(STAMP) ## Put every file into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove all that these commands made
	rm -rf .soak .venv .venvs dist demo-output .coverage .hypothesis .import_linter_cache
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml .ci/venv.sh
	@.ci/venv.sh .venv examples,dev $(PYTHON)
	@touch $@
