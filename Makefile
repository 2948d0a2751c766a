# Every target builds the environment it needs; `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
CONFIG ?= config/base.yaml
OVERLAY =
SET     =
PROFILE =
ARGS    =
CHOSEN  = --config $(CONFIG) $(OVERLAY:%=--overlay %) $(SET:%=--set '%')
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.PHONY: help setup smoke test parity pins lint format types layers check research bless paper calibrate calibrate-short \
  leakage verify docs lock clean \
  bench-features bench-features-short mutants mutants-short

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  research, bless, paper and verify take CONFIG=FILE OVERLAY=FILE SET=key=value (several in quotes: OVERLAY='A B')"
	@echo "  and ARGS='more options'; paper takes PROFILE=NAME too"

setup: $(READY)  ## build the environment (.venv) from the lock file

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Alpha needs Python >= 3.11; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked packages into $(VENV) (about two minutes the first time) ..."
	@awk '/^setuptools==/{on=1} on{print} on && !/\\$$/{exit}' requirements.lock > $(VENV)/build.lock
	@$(PIP) install -q --require-hashes --no-deps -r $(VENV)/build.lock
	@$(PIP) install -q --require-hashes --no-deps --no-build-isolation -r requirements.lock
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@$(BIN)/python -m alpha.cli.kernels
	@touch $@

smoke: $(READY)  ## run everything end to end on a real and on a planted market
	@$(BIN)/python scripts/smoke.py

test: $(READY)  ## run the tests; at least 90 % of lines and branches must be covered
	@$(BIN)/python -m pytest -n 2 --durations=10 --cov --cov-report=term

parity: $(READY)  ## compare stream and batch bit by bit: 500 symbols, ten years, every feature (an hour)
	@ALPHA_PARITY=whole $(BIN)/python -m pytest -s tests/contracts/test_feature_parity.py

pins: smoke  ## in a fresh clone, compare whole studies with their recorded results (takes minutes)
	@ALPHA_PINS=whole $(BIN)/python -m pytest tests/golden

lint: $(READY)  ## check style, names and imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(READY)  ## rewrite the layout of the code
	@$(BIN)/ruff check --fix-only -q . && $(BIN)/ruff format -q .

types: $(READY)  ## check static types
	@$(BIN)/mypy

layers: $(READY)  ## check that imports point down the layers
	@$(BIN)/lint-imports --no-cache

check: lint types layers test  ## run lint, types, layers and test

research: $(READY)  ## fit, walk forward, score and judge: make research OVERLAY=...
	@$(BIN)/python scripts/research.py $(CHOSEN) $(ARGS)

bless: $(READY)  ## research, and bless the best model that passes every gate
	@$(BIN)/python tools/bless_model_inference.py $(CHOSEN) --select $(ARGS)

paper: $(READY)  ## trade the blessed model on paper
	@$(BIN)/python scripts/paper_runner.py $(CHOSEN) $(PROFILE:%=--profile %) $(ARGS)

calibrate: $(READY)  ## measure how often noise and how often an edge is blessed (an hour; resumes)
	@$(BIN)/python scripts/calibrate.py

calibrate-short: $(READY)  ## the same in a few worlds
	@$(BIN)/python scripts/calibrate.py --worlds 6 --planted 2 --ic 0.05 --results reports/calibration/short.jsonl

leakage: $(READY)  ## run the leak checks on planted leaks and on clean worlds
	@$(BIN)/python tools/check_leakage.py

verify: $(READY)  ## verify every log, series of trials, journal and bundle
	@$(BIN)/python tools/verify.py $(CHOSEN) $(ARGS)

bench-features: $(READY)  ## compare the speed of the features with other libraries (installs them in .bench; under an hour)
	@$(BIN)/python bench/compare.py

bench-features-short: $(READY)  ## the same on small panels, in a few minutes
	@$(BIN)/python bench/compare.py --symbols 20,100 --days 630 --rows "" --repeats 3 --own push,plans \
	  --out reports/bench-features-short.json

mutants: $(READY)  ## measure the mutation score of the tests: make mutants ARGS="--only limits --minutes 10" (hours; resumes)
	@$(BIN)/python bench/mutants $(ARGS)

mutants-short: $(READY)  ## the same for one small subject (half a minute)
	@$(BIN)/python bench/mutants --only orders

docs: $(READY)  ## write the generated pages: docs/configuration.md, features.md, leaks.md, the report schema
	@$(BIN)/python tools/generate_docs.py

lock: $(READY)  ## resolve pyproject.toml into requirements.lock again (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --group dev --extra yahoo pyproject.toml -o requirements.lock

clean:  ## remove the environment and caches; keep artifacts and reports
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* htmlcov
	find . -name __pycache__ -prune -exec rm -rf {} +
