# The commands of this repository. `make help` lists them; .ci/run calls the same ones.

PYTHON ?= python3
VENV ?= .venv
OPENRLHF_VENV ?= .venv-openrlhf
ROOT := $(CURDIR)
BIN := $(abspath $(VENV))/bin

# One folder of Rust artefacts for the tests, the lints and the wheel, so that nothing is compiled twice.
export CARGO_TARGET_DIR := $(ROOT)/target
export VIRTUAL_ENV := $(abspath $(VENV))
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Threads that spin while they wait slow each other down tenfold on a busy small machine; torch reads this once.
export OMP_WAIT_POLICY := PASSIVE

EXTRAS ?= train,dev,docs
TOOLS := $(VENV)/.tools
CORE := $(VENV)/.core
RUST := Cargo.toml Cargo.lock $(shell find rust -path '*/target' -prune -o \( -name '*.rs' -o -name Cargo.toml \) -print)
# Each test has a thread of its own to compute on; who waits for the other takes over half of its tests.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal
BENCHES := $(filter-out bench/harness.py bench/openrlhf_skipping.py,$(wildcard bench/*.py))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: $(CORE) ## Make .venv and install twogrpo into it, with the trainer and the tools of development

$(TOOLS):
	@scripts/prerequisites $(PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet 'maturin>=1.9,<2'
	@touch $@

# Python sources are read where they stand; only the core, or a changed list of packages, asks for more.
$(CORE): $(TOOLS) pyproject.toml $(RUST)
	@scripts/prerequisites $(PYTHON)
	$(BIN)/maturin develop --release --extras $(EXTRAS)
	@touch $@

.PHONY: demo
demo: setup ## Train the embedded default online, then with DPO on its rollouts, and compare
	$(BIN)/twogrpo demo

.PHONY: test
test: setup ## Run every test, Rust and Python: ten minutes on two cores
	cargo test --release --workspace --quiet
	$(PYTEST)

.PHONY: test-fast
test-fast: setup ## Run the tests that take less than ten seconds each
	cargo test --release --workspace --quiet
	$(PYTEST) -m 'not slow'

.PHONY: openrlhf-env
openrlhf-env: $(OPENRLHF_VENV)/.packages ## Make .venv-openrlhf: the real OpenRLHF, vLLM, Ray and DeepSpeed on the CPU; 7 GB

$(OPENRLHF_VENV)/.packages: tests/openrlhf/cpu/requirements.txt
	scripts/openrlhf_environment $(OPENRLHF_VENV) $(PYTHON)

# Skipped where OpenRLHF is not installed: its data set reads an export, its agent calls our reward file. Its packages
# warn while they are imported.
ASKED_THERE := tests/test_preferences_peers.py::test_openrlhf_s_data_set_begins_with_the_ids_that_were_sampled \
  tests/reward_functions/test_openrlhf.py

.PHONY: test-openrlhf
test-openrlhf: setup openrlhf-env ## Run the tests inside the real OpenRLHF, on the CPU: eleven minutes on two cores
	PYTHONPATH=tests/openrlhf/cpu DS_ACCELERATOR=cpu $(OPENRLHF_VENV)/bin/python -m pytest -p no:cacheprovider -W default $(ASKED_THERE)
	$(OPENRLHF_VENV)/bin/python -m pytest -p no:cacheprovider tests/openrlhf

.PHONY: crash
crash: setup ## Kill writers of rollouts in 200 trials, and play every crash of the store's protocol
	cargo test --release --package twogrpo-store --test crash --test faults --test interleavings -- --nocapture
	TWOGRPO_CRASH_TRIALS=$${TWOGRPO_CRASH_TRIALS:-200} $(BIN)/python -m pytest tests/store_crash --log-cli-level=info

.PHONY: lint
lint: lint-python lint-rust ## Check format, style, types and the direction of imports

.PHONY: lint-python
lint-python: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# In the profile of development: in that of release PyO3 would be built again for another interpreter than the wheel's.
.PHONY: lint-rust
lint-rust: $(TOOLS)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings

.PHONY: format
format: setup ## Rewrite the sources as `make lint` wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	cargo fmt --all

.PHONY: docs
docs: setup ## Build the documentation into site/; warnings and broken links inside it are errors
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --builder html docs site

.PHONY: docs-links
docs-links: setup ## Fetch every link of the documentation that leads outside
	$(BIN)/sphinx-build --quiet --builder linkcheck docs site/links

.PHONY: reference
reference: setup ## Write the generated pages of the documentation again
	$(BIN)/python scripts/reference.py

.PHONY: errors-page
errors-page: setup ## Cause every error of docs/errors.md again and write the page
	$(BIN)/python -m tests.user_errors.page

.PHONY: equality-page
equality-page: setup ## Write docs/equality.md again from the cases of its tests
	$(BIN)/python -m tests.equality.page

# The name of the builder's home does not go into the binary.
wheel: export RUSTFLAGS := $(RUSTFLAGS) --remap-path-prefix=$(HOME)=~
.PHONY: wheel
wheel: $(TOOLS) ## Build an optimised wheel into dist/
	rm -rf dist
	$(BIN)/maturin build --profile dist --locked --out dist

.PHONY: check-wheel
check-wheel: wheel ## Build an optimised wheel, and use it in a clean environment
	$(BIN)/python scripts/smoke_wheel.py dist

.PHONY: bench
bench: setup ## Run every bench in full; results go to bench/results
	$(BIN)/maturin develop --release --extras $(EXTRAS),bench
	@for bench in $(BENCHES); do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

.PHONY: bench-openrlhf
bench-openrlhf: openrlhf-env ## Measure what skipping ties saves inside the real OpenRLHF, on the CPU
	$(OPENRLHF_VENV)/bin/python bench/openrlhf_skipping.py

.PHONY: clean
clean: ## Remove what was built: .venv, .venv-openrlhf, target, dist and caches; runs/ stays
	rm -rf $(VENV) $(OPENRLHF_VENV) target dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -f python/twogrpo/_core*.so
	find python tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
