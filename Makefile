# Every target does its own set-up; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
ARGS ?=
RUN := .venv/bin

.PHONY: help demo up test check bench soak lock clean

help: ## List the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: ## Real calls on a real Asterisk: answered, recorded, transcribed, ticketed, called back (ARGS="--once --json")
	@tools/setup.sh demo
	@$(RUN)/hotline demo $(ARGS)

up: ## Run the whole hotline on this machine (ARGS="--demo-users" for trying it)
	@tools/setup.sh demo
	@$(RUN)/hotline up $(ARGS)

test: ## Set up and pass every test: unit, integration, real Asterisk, real browser
	@tools/setup.sh test
	@$(MAKE) --no-print-directory static
	@$(RUN)/python -m pytest -q -p no:cacheprovider -n 4 --dist loadgroup --no-loadscope-reorder --durations=20 $(ARGS)

check: ## Format, lint, types, import contracts and unit tests (fast; before every commit)
	@tools/setup.sh demo
	@$(MAKE) --no-print-directory static
	@$(RUN)/python -m pytest -q -m unit tests/unit $(ARGS)

.PHONY: static
static:
	@$(RUN)/ruff format --check -q . || { echo "run: .venv/bin/ruff format ."; exit 1; }
	@$(RUN)/ruff check -q .
	@$(RUN)/mypy
	@$(RUN)/lint-imports

bench: ## Measure against the budgets, about 10 min: calls beside dialplan and bare AGI, latency, speech (1 when one is over)
	@tools/setup.sh test
	@$(RUN)/python -m bench $(ARGS)

soak: ## The demo's calls over and over (ARGS="--minutes 60")
	@tools/setup.sh demo
	@$(RUN)/hotline demo --soak $(ARGS)

lock: ## Write requirements.lock again from pyproject.toml
	@$(RUN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
		--python-version 3.11 --extra dev pyproject.toml -o requirements.lock

clean: ## Remove all state, environments and built files of this checkout
	@rm -rf var .venv api/console/node_modules api/console/dist test-results
