# Every target sets up what it needs. ENV names the environment: Pulumi.$(ENV).yaml.
ENV ?= dev
BASE ?= main
.DEFAULT_GOAL := help
# Where nothing may be kept, every process compiles Azure's SDK or vLLM anew: half a minute each.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help setup preview pr-preview drift up down status serve test check format reference engine-version bench-planner bench-preview bench-lint bench-serving calibrate charts image digests lock clean

# The newest Python of 3.11 to 3.13 that really runs; some machines have names on PATH with nothing behind them.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
BOOTSTRAP = $(or $(PYTHON),$(error Python 3.11, 3.12 or 3.13 is needed and was not found on PATH)) localcloud/bootstrap.py
IN_VENV = .venv/bin/
LOCALCLOUD = $(IN_VENV)python -m localcloud

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

setup: ## .venv with the inference-stack command in it
	@$(BOOTSTRAP) --set preview

preview: setup ## preview ENV offline: the plan, what would be made, what the policies say
	@$(LOCALCLOUD) preview --env $(ENV)

pr-preview: setup ## what the working tree changes against BASE (main), as the comment on a pull request
	@$(IN_VENV)python -m pull_requests preview --base $(BASE) $(if $(AZURE),--azure)

drift: setup ## what of ENV is not as it was made, in Azure
	@$(IN_VENV)python -m pull_requests drift --env $(ENV)

up: setup ## make ENV for real against localcloud: ARM stand-in, real Kubernetes control plane
	@$(LOCALCLOUD) up --env $(ENV)

down: setup ## destroy ENV, then stop its control plane
	@$(LOCALCLOUD) down --env $(ENV)

status: setup ## what of ENV runs in localcloud
	@$(LOCALCLOUD) status --env $(ENV)

serve: ## serve a model of ENV on simulated GPUs, with Ray and vLLM (9 GB to install); MODEL=… for another than the first
	@$(BOOTSTRAP) --set test
	@$(LOCALCLOUD) serve --env $(ENV) $(if $(MODEL),--model $(MODEL))

test: ## every test
	@$(BOOTSTRAP) --set test
	@$(IN_VENV)python -m localcloud.toolchain --for test
	@$(IN_VENV)pytest -m "not alone" --numprocesses logical --maxprocesses 4 --dist loadfile; together=$$?; \
		$(IN_VENV)pytest -m alone && exit $$together

check: ## format, lint, types, imports
	@$(BOOTSTRAP) --set check
	@$(IN_VENV)ruff format --check --quiet .
	@$(IN_VENV)ruff check --quiet .
	@$(IN_VENV)lint-imports --no-logo
	@$(IN_VENV)pyright

format: ## let ruff rewrite what it can
	@$(BOOTSTRAP) --set check
	@$(IN_VENV)ruff format --quiet .
	@$(IN_VENV)ruff check --fix --quiet .

reference: setup ## configuration.md, engine-arguments.md, rules.md, policies.md and hardening.md of docs/ anew, from spec, data and rules
	@$(IN_VENV)python -m inference_stack.report.reference
	@$(IN_VENV)python -m inference_stack.report.engine_reference
	@$(IN_VENV)python -m inference_stack.report.rules_reference
	@$(IN_VENV)python -m policies.reference
	@$(IN_VENV)python -m inference_stack.telemetry.reference
	@$(IN_VENV)python -m policies.baseline

engine-version: setup ## what vLLM VERSION takes as arguments, read in a throw-away environment of 9 GB
	@test -n "$(VERSION)" || { echo "name one: make engine-version VERSION=0.33.0"; exit 1; }
	@rm -rf .localcloud/engine-version && $(IN_VENV)uv venv --quiet --python $(IN_VENV)python .localcloud/engine-version
	@$(IN_VENV)uv pip install --python .localcloud/engine-version/bin/python "vllm==$(VERSION)"
	@.localcloud/engine-version/bin/python -m serving.engine_arguments
	@rm -rf .localcloud/engine-version

bench-planner: ## how far the planner is off: memory, speed, search times
	@$(BOOTSTRAP) --set check
	@$(IN_VENV)python -m benchmarks.memory
	@$(IN_VENV)python -m benchmarks.speed
	@$(IN_VENV)python -m benchmarks.search

bench-preview: setup ## what a preview costs beyond Pulumi itself: time and memory, up to 200 models
	@$(IN_VENV)python -m benchmarks.preview

bench-lint: setup ## how long the linter takes for 1,000 RayServices on one core
	@$(IN_VENV)python -m benchmarks.lint

bench-serving: ## what serving does and what ours adds, as ratios, on simulated GPUs: about 27 minutes
	@$(BOOTSTRAP) --set test
	@$(IN_VENV)python -m benchmarks.serving

calibrate: ## fit the speed constants anew, and redraw docs/accuracy.md
	@$(BOOTSTRAP) --set check
	@$(IN_VENV)python -m benchmarks.calibrate_speed
	@$(IN_VENV)python -m benchmarks.pictures

image: setup ## build the image of ENV's heads and workers with Docker, push it, and print how it is named
	@$(IN_VENV)python -m serving.image Pulumi.$(ENV).yaml

digests: setup ## the digest of every image of ENV but ours, by its registry; WRITE=1 puts them into the environment's file
	@$(LOCALCLOUD) digests --env $(ENV) $(if $(WRITE),--write)

charts: setup ## The charts of KubeRay and Envoy Gateway as folders, ready for `helm push`
	@$(LOCALCLOUD) charts charts

lock: ## resolve pyproject.toml anew into requirements.lock
	@test -x $(IN_VENV)uv || $(BOOTSTRAP) --set preview # the old lock need not fit the new pyproject.toml
	@$(IN_VENV)uv pip compile --quiet pyproject.toml --all-extras --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --output-file requirements.lock

clean: ## remove .venv and everything of localcloud that is not running
	@rm -rf .venv .localcloud charts
