# Everything a newcomer needs: Python 3.11 to 3.14 with venv, and make. `make` alone lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Without compiled modules every process takes twice as long to start.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
UV ?= uv
BIN := .venv/bin
JOBS ?= 2
PARALLEL = --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
STAMP := .venv/.installed

.PHONY: help setup demo test test-all faults lint audit model dvc bench bench-quick bench-peers bench-http bench-compare space lock lock-kafka clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with everything in it, and .venv/bin/pipeline
	@:

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name yours: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PIP) --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv \
	  || { echo "$(PYTHON) cannot make a .venv; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing into .venv (about two minutes the first time) ..."
	@[ -t 1 ] && watched=1 || watched=0; \
	$(PIP) install --no-deps -r requirements.lock | awk -v all="$$(grep -c '^[a-z].*==' requirements.lock)" -v watched=$$watched \
	  '/^Collecting/ { ++n; if (watched) { printf "\r  package %d of %d", n, all; fflush() } } END { if (n) print (watched ? "" : "  " n " packages") }'
	@$(PIP) install --quiet --no-deps -e .
	@touch $@

demo: setup ## the whole pipeline on this machine: CASE= USERS= EVENTS= SEED= RATE= change it
	@$(if $(CASE),PIPELINE_USE_CASE=$(CASE)) $(BIN)/pipeline demo $(if $(USERS),--users $(USERS)) $(if $(EVENTS),--events $(EVENTS)) \
	  $(if $(SEED),--seed $(SEED)) $(if $(RATE),--rate $(RATE))

test: lint ## every check and every test but the slow ones
	@$(BIN)/python -m embedded --install
	$(BIN)/python -m pytest $(PARALLEL)

test-all: lint .venv-mlflow/.installed .venv-dvc/.installed ## the slow tests too
	@$(BIN)/python -m embedded --install
	$(BIN)/python -m pytest $(PARALLEL) -m ''

faults: setup ## break everything, one fault after the other (35 minutes); ROWS=1,7 picks some
	@$(BIN)/python -m embedded --install
	$(BIN)/python -m tests.faults $(if $(ROWS),--rows $(ROWS))

lint: setup ## style, format, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

audit: .venv-audit/.installed ## ask PyPI (by network) for known weaknesses of all that is pinned
	.venv-audit/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements.lock

model: setup ## train the shipped model again; CASE=telecom_churn DATA=FILE VERSION=2 one that scores requests
	$(BIN)/python -m training$(if $(CASE),.forms --use-case $(CASE)$(if $(VERSION), --version $(VERSION))$(if $(DATA), --data $(DATA)))

dvc: setup .venv-dvc/.installed ## make the shipped model again from its seed, what has changed of it (dvc.yaml)
	.venv-dvc/bin/dvc repro

bench: setup ## measure each stage against the usual way of writing it
	$(BIN)/python -m benchmarks

bench-quick: setup ## the same on fewer events
	$(BIN)/python -m benchmarks --quick

bench-peers: setup .venv-peers/.installed ## measure stream_features against other frameworks
	$(BIN)/python -m benchmarks --only peers

bench-http: setup .venv-flask/.installed ## measure the HTTP service beside Flask and scikit-learn
	$(BIN)/python -m benchmarks --only http

# Environments of their own, for what cannot live beside our packages or is needed by few.
ASIDE := .venv-peers/.installed .venv-flask/.installed .venv-mlflow/.installed .venv-dvc/.installed .venv-audit/.installed
.venv-peers/.installed: benchmarks/peers/requirements.txt
.venv-flask/.installed: benchmarks/http/flask_server/requirements.txt
.venv-mlflow/.installed: tests/mlflow_bridge/requirements.txt
.venv-dvc/.installed: tools/dvc-requirements.txt
.venv-audit/.installed: tools/audit-requirements.txt
$(ASIDE):
	@$(PYTHON) -m venv --clear $(@D) && echo '*' > $(@D)/.gitignore
	@$(@D)/bin/python -m pip --disable-pip-version-check --no-input install --quiet -r $<
	@touch $@

bench-compare: setup ## name what got worse in the result file NEW= against the stored results
	$(BIN)/python -m benchmarks.compare $(NEW)

space: ## fill the folder SPACE= with what a Hugging Face Space is built from (deploy/huggingface)
	@mkdir -p $(or $(SPACE),$(error name a folder: make space SPACE=../churn-scores))
	@git archive HEAD Dockerfile .dockerignore $$(sed -n 's/^!//p' .dockerignore) | tar -x -C $(SPACE)
	@cp deploy/huggingface/README.md $(SPACE)/README.md

lock: ## pin the Python packages again (needs uv; LOCKFLAGS=--upgrade takes newer ones)
	$(UV) pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
	  --no-emit-index-url --custom-compile-command "make lock" $(LOCKFLAGS) pyproject.toml -o requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --constraints requirements.lock \
	  --no-emit-index-url --custom-compile-command "make lock" pyproject.toml -o requirements-image.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --extra training --generate-hashes --constraint requirements.lock \
	  --no-emit-index-url --custom-compile-command "make lock" pyproject.toml -o requirements-training.lock
	@$(MAKE) environment.yaml

# For those who use other tools.
requirements.txt: requirements-image.lock
	@{ echo "# What running the pipeline needs, out of $<; \`make lock\` writes it."; sed -n 's/^\([a-z].*[^ ]\) *\\$$/\1/p' $<; } > $@

environment.yaml: requirements.txt
	@{ printf '%s\n' "# $< for conda; \`make lock\` writes it." "name: feature-stream" "channels: [conda-forge]" \
	  "dependencies:" "  - python>=3.11" "  - pip" "  - pip:"; sed -n 's/^[a-z].*/      - &/p' $<; } > $@

lock-kafka: setup ## pin Kafka's jars again
	$(BIN)/python -m embedded.kafka_jars

clean: ## remove .venv and caches; .pipeline, which holds data, stays
	rm -rf .venv .venv-peers .venv-flask .venv-mlflow .venv-dvc .venv-audit build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
