# Every target sets up first what it needs; nothing but make and Python 3.11 has to be there before.
# PYTHON=... chooses which Python; without it set-up takes the system's where that is faster than `python3`.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
RELEASED := protos/released.binpb

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install what is missing: virtual environment, stubs, servers, the demo's tables
	@$(PYTHON) deploy/local/setup.py

.PHONY: gen
gen: setup ## Build the stubs in gen/ from protos/
	$(BIN)/python protos/generate.py

.PHONY: check
check: check-protos ## Check format, lint, types, imports, protos, Envoy's configuration and generated documents
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/python -m edge check
	$(BIN)/python -m edge validate
	$(BIN)/python docs/generate.py --check

.PHONY: docs
docs: setup ## Generate docs/reference/ from the protos and the code
	$(BIN)/python docs/generate.py

.PHONY: check-protos
check-protos: setup ## Check the protos alone: style, and compatibility with the released contract
	$(BIN)/buf lint gen/image.binpb --path fairdb
	$(BIN)/buf breaking gen/image.binpb --against $(RELEASED) --path fairdb

.PHONY: envoy-config
envoy-config: setup ## Write envoy/envoy.yaml, Envoy's configuration with default settings
	$(BIN)/python -m edge reference

.PHONY: test
test: setup ## Run every test, on real servers of its own
	$(BIN)/pytest --numprocesses 2 --dist loadgroup

.PHONY: coverage
coverage: setup ## Measure the line and branch coverage of the unit and integration tests
	$(BIN)/coverage run -m pytest tests/unit tests/integration
	$(BIN)/coverage report

.PHONY: soak
soak: setup ## Run the long forms of tests that `make test` runs briefly
	$(BIN)/pytest -m soak

.PHONY: bench-prepare
bench-prepare: setup ## Measure what it costs to anonymise one sample
	$(BIN)/python -m bench.prepare

.PHONY: bench-setup
bench-setup: setup
	@$(BIN)/python -m bench.installation

.PHONY: bench
bench: bench-setup ## Measure the platform against its rivals, three times in turn: bench/results/latest.md
	$(BIN)/python -m bench.run

.PHONY: bench-short
bench-short: bench-setup ## The same in two minutes; shows that measuring works, not how fast anything is
	$(BIN)/python -m bench.run --short

.PHONY: bench-check
bench-check: bench-setup ## Check the types of the rivals, whose libraries `make setup` does not install
	$(BIN)/basedpyright --project bench/peers

.PHONY: profile
profile: bench-setup ## Show where the services spend their time under load: flame graphs in bench/results/profiles
	$(BIN)/python -m bench.profile

.PHONY: bench-tracing
bench-tracing: bench-setup ## Measure what spans cost a call: our own, and those of OpenTelemetry's instrumentation
	$(BIN)/python -m bench.tracing

.PHONY: bench-anonymity
bench-anonymity: setup ## Measure time and memory of `fairdb risk` and `fairdb anonymize`
	$(BIN)/python -m bench.anonymity

.PHONY: demo
demo: setup ## Start a constellation of its own, create real samples on it, show them, stop it
	$(BIN)/python -m deploy.local run --free --root .fairdb/demo -- $(BIN)/fairdb demo

.PHONY: fresh
fresh: ## As root: run `make demo` of HEAD on minimal Debian systems built for it, in about a quarter of an hour
	@$(PYTHON) -m deploy.fresh

.PHONY: up
up: setup ## Start the constellation and leave it running
	$(BIN)/python -m deploy.local up

.PHONY: down
down: ## Stop what `make up` started
	$(BIN)/python -m deploy.local down

.PHONY: logs
logs: ## Follow the logs of what `make up` started
	$(BIN)/python -m deploy.local logs

.PHONY: release-protos
release-protos: gen ## Make today's protos the contract that `make check` holds later ones against
	$(BIN)/buf build gen/image.binpb --path fairdb --exclude-source-info -o $(RELEASED)

.PHONY: lock
lock: setup ## Choose versions anew within the ranges of pyproject.toml
	$(BIN)/uv pip compile --universal --python-version 3.11 --upgrade --quiet --generate-hashes --no-header \
	  --no-annotate --extra tables --group server --group local --group dev pyproject.toml --output-file requirements.lock

.PHONY: lock-bench
lock-bench: setup ## Choose versions of what `make bench` installs, those of requirements.lock where both have it
	$(BIN)/uv pip compile --universal --python-version 3.11 --upgrade --quiet --generate-hashes --no-header \
	  --no-annotate --constraint requirements.lock --group bench --output-file requirements-bench.lock

.PHONY: wheel
wheel: setup ## Build the wheel, stubs included, into dist/
	$(BIN)/pip wheel --no-deps --no-build-isolation --wheel-dir dist .

.PHONY: admin
admin: setup ## Make EMAIL an administrator of what `make up` started
	@$(BIN)/python -m deploy.local exec auth_svc -- $(BIN)/python -m auth_svc.first_admin "$(EMAIL)"
