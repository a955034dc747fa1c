# Every target runs `make setup` first if it needs it. Only make and Python 3.11 or newer must be installed.
# PYTHON=... selects the Python; by default setup uses `python3`, or the system's Python if that is much faster.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
RELEASED := protos/released.binpb

.PHONY: help
help: ## List all targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Create the virtual environment, install servers, generate stubs, download demo data
	@$(PYTHON) deploy/local/setup.py

.PHONY: gen
gen: setup ## Generate the gRPC stubs in gen/ from protos/
	$(BIN)/python protos/generate.py

.PHONY: check
check: check-protos ## Check format, lint, types, imports, protos, Envoy configuration and generated docs
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
check-protos: setup ## Check only the protos: style and compatibility with the released contract
	$(BIN)/buf lint gen/image.binpb --path fairdb
	$(BIN)/buf breaking gen/image.binpb --against $(RELEASED) --path fairdb

.PHONY: envoy-config
envoy-config: setup ## Write envoy/envoy.yaml, the Envoy configuration with default settings
	$(BIN)/python -m edge reference

.PHONY: test
test: setup ## Run all tests, on real servers that they start themselves
	$(BIN)/pytest --numprocesses 2 --no-loadscope-reorder

.PHONY: coverage
coverage: setup ## Measure the line and branch coverage of the unit and integration tests
	$(BIN)/coverage run -m pytest tests/unit tests/integration
	$(BIN)/coverage report

.PHONY: soak
soak: setup ## Run the long versions of tests that `make test` runs briefly
	$(BIN)/pytest -m soak

.PHONY: bench-prepare
bench-prepare: setup ## Measure the cost of anonymising one sample
	$(BIN)/python -m bench.prepare

.PHONY: bench-redaction
bench-redaction: setup ## Measure what free text hides of people and damages of the rest, beside Presidio if installed
	$(BIN)/python -m bench.redaction

.PHONY: bench-setup
bench-setup: setup ## Install what only the benchmarks need: the rivals' libraries, load generators, profiler
	@$(BIN)/python -m bench.installation

.PHONY: bench
bench: bench-setup ## Compare the platform with its rivals, in three rounds; writes bench/results/latest.md
	$(BIN)/python -m bench.run

.PHONY: bench-earlier
bench-earlier: bench-setup ## Compare speed and CPU with the earlier checkout in DIR=..., both measured in turns
	$(BIN)/python -m bench.earlier "$(DIR)"

.PHONY: bench-short
bench-short: bench-setup ## Run the benchmark in two minutes, to test that it works; its figures are not reliable
	$(BIN)/python -m bench.run --short

.PHONY: bench-check
bench-check: bench-setup ## Check the types of the rivals, which need libraries that `make setup` does not install
	$(BIN)/basedpyright --project bench/peers

.PHONY: profile
profile: bench-setup ## Profile the services under load; writes flame graphs to bench/results/profiles
	$(BIN)/python -m bench.profile

.PHONY: bench-tracing
bench-tracing: bench-setup ## Measure the cost of tracing per call: our spans and those of OpenTelemetry
	$(BIN)/python -m bench.tracing

.PHONY: bench-anonymity
bench-anonymity: setup ## Measure time and memory of `fairdb risk` and `fairdb anonymize`
	$(BIN)/python -m bench.anonymity

.PHONY: bench-tables
bench-tables: setup ## Measure what gets in of the tables in DIR=..., and who can be singled out
	$(BIN)/python -m bench.real_tables "$(DIR)"

.PHONY: demo
demo: setup ## Start a separate platform, create and show real samples, stop it
	FAIRDB_EMBARGO_SECONDS=1 $(BIN)/python -m deploy.local run --free --root .fairdb/demo -- $(BIN)/fairdb demo

.PHONY: fresh
fresh: ## Run `make demo` of HEAD on newly built minimal Debian systems (as root, 15 minutes)
	@$(PYTHON) -m deploy.fresh

.PHONY: up
up: setup ## Start the platform and leave it running
	$(BIN)/python -m deploy.local up

.PHONY: down
down: ## Stop the platform that `make up` started
	$(BIN)/python -m deploy.local down

.PHONY: certs
certs: setup ## Renew the certificates of the platform that `make up` starts, now
	$(BIN)/python -m deploy.local certs

.PHONY: logs
logs: ## Follow the logs of the platform that `make up` started
	$(BIN)/python -m deploy.local logs

.PHONY: release-protos
release-protos: gen ## Make the current protos the released contract that `make check` compares with
	$(BIN)/buf build gen/image.binpb --path fairdb --exclude-source-info -o $(RELEASED)

.PHONY: lock
lock: setup ## Update requirements.lock within the ranges of pyproject.toml
	$(BIN)/uv pip compile --universal --python-version 3.11 --upgrade --quiet --generate-hashes --no-header \
	  --no-annotate --extra tables --group server --group local --group dev pyproject.toml --output-file requirements.lock

.PHONY: lock-bench
lock-bench: setup ## Update requirements-bench.lock, with the versions of requirements.lock for shared libraries
	$(BIN)/uv pip compile --universal --python-version 3.11 --upgrade --quiet --generate-hashes --no-header \
	  --no-annotate --constraint requirements.lock --group bench --output-file requirements-bench.lock

.PHONY: lock-audit
lock-audit: setup ## Update requirements-audit.lock, with the versions of requirements.lock for shared libraries
	$(BIN)/uv pip compile --universal --python-version 3.11 --upgrade --quiet --generate-hashes --no-header \
	  --no-annotate --constraint requirements.lock --group audit --output-file requirements-audit.lock

.PHONY: secrets
secrets: setup ## Search all committed files for secrets (10 seconds); pre-commit searches the changed ones
	@git rev-parse --is-inside-work-tree > /dev/null
	git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --baseline .secrets.baseline

.PHONY: audit
audit: setup ## Report known vulnerabilities of locked packages, and servers with newer packages; needs the network
	@$(BIN)/python -m deploy.supply.audit

.PHONY: update-servers
update-servers: ## Unpack the newest packages of Redis, RabbitMQ and Consul; stop the platform first
	@rm -f .fairdb/setup/redis-server.stamp .fairdb/setup/rabbitmq-server.stamp .fairdb/setup/consul.stamp
	@$(MAKE) --no-print-directory setup

.PHONY: wheel
wheel: setup ## Build the wheel, including the stubs, in dist/. The same commit always gives the same bytes
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} \
	  $(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

.PHONY: sbom
sbom: wheel ## Write the bill of materials of the wheel and its dependencies (CycloneDX) in dist/
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} $(BIN)/python -m deploy.supply.sbom dist

.PHONY: admin
admin: setup ## Make the user EMAIL=... an administrator of the platform that `make up` started
	@$(BIN)/python -m deploy.local exec auth_svc -- $(BIN)/python -m auth_svc.first_admin "$(EMAIL)"
