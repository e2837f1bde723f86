# Every command of this repository. Each sets up .venv first, and touches no other environment.
# `make PYTHON=/path/to/python3 ...` chooses the interpreter that .venv is made with.

BIN := .venv/bin
STAMP := .venv/.installed
PYTHON ?=
EXAMPLES := $(patsubst examples/%/main.py,%,$(wildcard examples/*/main.py))

# What a shell has set for other projects must not reach this one's tools. Without bytecode on disk,
# as some images set it, every program that a test starts compiles the package anew.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check check-js docs bench soak wheel sbom audit release format clean

help: ## Show what can be done here
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /make \1|/' | \
		awk -F'|' '{ printf "  %-14s %s\n", $$1, $$2 }'

demo: $(STAMP) ## Read the text in a film clip: the OCR example, run as the contract says
	@$(BIN)/python examples/demo.py

# One process a core, two at most: they share the machine with the taggers that they start.
# ARGS narrows either run: make test ARGS="tests/media -k rotation".
PYTEST := $(BIN)/python -m pytest -n 2

# What takes other programs than Python and ffmpeg is not for every day.
OUTSIDE := container or browser or postgres or cluster

test: $(STAMP) ## Show every behaviour once: what to run while working
	$(PYTEST) -m "not (slow or examples or $(OUTSIDE))" $(ARGS)

# Coverage is that of `make test` and of databases and clusters, child processes included; what
# multiplies it comes without, and so do browsers, whose pages ask nothing of a server that
# `make test` does not. Databases, clusters and containers run one test at a time: each takes the
# whole machine. A step that fails keeps none of the others from running.
test-all: $(STAMP) ## Run every test at full depth, with coverage, browsers, databases, clusters and containers
ifdef ARGS
	$(PYTEST) $(ARGS)
else
	@$(MAKE) --no-print-directory --keep-going $(TEST_STEPS)
endif

.NOTPARALLEL:
TEST_STEPS := test-core test-browser test-outside test-depth test-container
.PHONY: $(TEST_STEPS)

test-core:
	$(PYTEST) -m "not (slow or examples or $(OUTSIDE))" \
		--cov --cov-report= --cov-fail-under=0

test-browser:
	$(PYTEST) --dist loadfile -m "browser and not (container or postgres or cluster)"

test-outside:
	$(BIN)/python -m pytest -m "(postgres or cluster) and not container" --cov --cov-append

test-depth:
	$(PYTEST) -m "(slow or examples or hypothesis) and not ($(OUTSIDE))" \
		--hypothesis-profile thorough --durations 10

test-container:
	$(BIN)/python -m pytest -m container

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
	@.ci/check-js.sh

check-js: ## Check types and style of the page's JavaScript (needs Node.js)
	@.ci/check-js.sh

DOCS := .venvs/docs
DOCS_STAMP := $(DOCS)/.installed

# An environment of its own: the site's tools are many, and nothing else needs them.
docs: $(DOCS_STAMP) ## Build the documentation site into site/; a broken link is an error
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/python -m mkdocs build --strict --quiet
	@echo "site/ is built; to read and search it: $(DOCS)/bin/python -m http.server -b 127.0.0.1 -d site"

$(DOCS_STAMP): pyproject.toml .ci/venv.sh
	@.ci/venv.sh $(DOCS) docs $(PYTHON)
	@touch $@

# Peers that are not installed get a row that says so; `pip install -e .[bench]` brings them.
bench: $(STAMP) ## Measure speed and memory beside other libraries; takes half an hour
	@set -e; for benchmark in start wire daemon decode page tags; do \
		printf '\n== %s\n' $$benchmark; \
		$(BIN)/python -m tests.benchmarks.$$benchmark; \
	done

# Fuzzing needs atheris, `pip install -e .[soak]`. What each of them shows: docs/reliability.md.
soak: $(STAMP) ## Kill, stop, flood and fuzz taggers for two hours, then look for new examples
	@set -e; for soak in killed stopped growing bad_media same_bytes many_files missing_files service fuzz; do \
		printf '\n== %s\n' $$soak; \
		$(BIN)/python -m tests.soak.$$soak; \
	done
	@printf '\n== properties\n'
	@$(PYTEST) -m "hypothesis and not ($(OUTSIDE))" --hypothesis-profile explore --timeout 0

wheel: $(STAMP) ## Build the wheel into dist/, as a tagger's image installs it
	$(BIN)/python -m hatchling build -t wheel -d dist

RELEASE := .venvs/release
RELEASE_STAMP := $(RELEASE)/.installed

sbom: wheel $(RELEASE_STAMP) ## Write the bill of materials of the wheel into dist/ (CycloneDX)
	@.ci/sbom.sh $(RELEASE)

audit: $(RELEASE_STAMP) ## Look for advisories about the libraries that users install
	@$(RELEASE)/bin/python .ci/audit.py

release: sbom audit ## Build all that a release consists of: wheel, bill of materials, audit

$(RELEASE_STAMP): pyproject.toml .ci/venv.sh
	@.ci/venv.sh $(RELEASE) cli,data,clarifai,scale,release $(PYTHON)
	@touch $@

format: $(STAMP) ## Put every file into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove all that these commands made
	rm -rf .soak .venv .venvs dist site demo-output .coverage .hypothesis .import_linter_cache
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml .ci/venv.sh
	@.ci/venv.sh .venv examples,dev $(PYTHON)
	@touch $@
