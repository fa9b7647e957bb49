# Thin verbs over scripts/ and CMake's presets. `make` alone lists them.

# What every verb takes, as in `make up GATEWAYS=5 HTTP_PORT=9000`. RUN_DIR and HTTP_PORT together make another stack.
PRESET ?= release
JOBS ?= $(shell nproc)
export PRESET JOBS
# The others (RUN_DIR, HTTP_PORT, GATEWAYS, LB_STRATEGY, BIN_DIR, STACK) make passes on by itself, and only if they are set:
# an empty HTTP_PORT would hide the one in .env from Compose.

STACK_SH := scripts/stack.sh
BUILD_DIR := build/$(PRESET)

.DEFAULT_GOAL := help
.PHONY: help deps build programs release dev asan tsan up down restart status logs scale demo token passwords drill drills lab test bench \
        compose-up compose-down compose-test swarm-test mutants format docs lint doctor reset

##@ Run it

up: deps programs ## Build what changed and start the stack (GATEWAYS=3); adjusts one that is up
	@$(STACK_SH) up

down: ## Stop everything; data and logs stay
	@$(STACK_SH) down

status: ## What runs, where, and whether it is well
	@$(STACK_SH) status

logs: ## Follow all logs (PART=nginx for one)
	@$(STACK_SH) logs --follow $(PART)

scale: ## Change the number of gateways, live: make scale GATEWAYS=5
	@test -n "$(GATEWAYS)" || { echo "how many? make scale GATEWAYS=5" >&2; exit 1; }
	@$(STACK_SH) scale $(GATEWAYS)

restart: programs ## Replace all services and gateways with the newest build, live
	@$(STACK_SH) restart

##@ Run it in containers (docs/running-in-containers.md)

compose-up: ## Build the images and start the stack (GATEWAYS=3); adjusts one that is up
	@docker compose up --build --detach --wait --scale api-gateway=$(or $(GATEWAYS),3)

compose-down: ## Stop everything; data stays (ARGS=-v deletes it)
	@docker compose --profile observability down --remove-orphans $(ARGS)

compose-test: ## Check it from the build to the last trace (ARGS=--quick); skipped without an engine
	@scripts/compose-test.sh $(ARGS)

swarm-test: ## The same on a Swarm of one node
	@scripts/swarm-test.sh $(ARGS)

token: ## An access token for curl: -H "Authorization: Bearer $$(make -s token)" (USER=id or address; admin)
	@$(STACK_SH) token $(if $(FORCE),--force) $(if $(filter command,$(origin USER)),"$(USER)")

passwords: ## Addresses and passwords of those who have one: the lab's admin, users of the demo data
	@$(STACK_SH) passwords

##@ See it

demo: ## The scaling tour on the running stack: narrated, checked
	@scripts/test-scaling.sh

drill: ## Break the running stack under load and check: make drill NAME=breaker (ARGS=--quick)
	@scripts/drill.sh $(or $(NAME),--list) $(ARGS)

drills: ## Every drill, about eleven minutes
	@scripts/drill.sh all $(ARGS)

lab: deps ## Measure one question side by side, on stacks of its own: make lab NAME=cache (ARGS=--quick)
	@$(MAKE) --no-print-directory programs PRESET=release
	@scripts/lab.sh $(or $(NAME),--list) $(ARGS)

bench: deps ## Requests/s, latency and CPU per request, on a stack of its own
	@$(MAKE) --no-print-directory programs PRESET=release
	@cmake --build build/release --parallel $(JOBS) --target guard-cost open-loop
	@scripts/bench.sh $(ARGS)

##@ Change it

deps: ## Install what is missing from the distribution's packages
	@scripts/install-deps.sh

build: $(BUILD_DIR)/CMakeCache.txt ## Build PRESET (release), tests and all
	@cmake --build $(BUILD_DIR) --parallel $(JOBS)

programs: $(BUILD_DIR)/CMakeCache.txt ## Build only what the stack runs
	@cmake --build $(BUILD_DIR) --parallel $(JOBS) --target programs

release dev asan tsan: ## Build that preset
	@$(MAKE) --no-print-directory build PRESET=$@

# CMake looks after its own changes once the cache is there.
$(BUILD_DIR)/CMakeCache.txt:
	@cmake --preset $(PRESET)

test: deps build ## All rings: unit, integration, e2e, tidy, docs (RING=unit for one)
	@scripts/run-tests.sh $(RING)

mutants: deps ## Put one-line bugs in, one at a time, and see that a test finds each (ARGS="--only TEXT")
	@scripts/mutants.py $(ARGS)

format: ## Rewrite the C++ sources as .clang-format says, and the Python files as black does
	@git ls-files '*.h' '*.cc' | xargs -r -P $(JOBS) -n 20 clang-format -i
	@scripts/format-python.sh

docs: programs ## Write the tables of docs/configuration.md from what the programs declare
	@scripts/configuration_page.py

lint: ## House rules, Python's format and shell scripts, without a build
	@scripts/tidy.py
	@scripts/format-python.sh --check
	@git ls-files '*.sh' '.ci/run' | xargs -r shellcheck

##@ Stuck?

doctor: ## Check this machine: packages, versions, ports, memory, leftovers
	@scripts/doctor.sh

reset: ## Stop the stack and delete its run directory, data and all
	@$(STACK_SH) reset

help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z][a-z -]*:.*## / { gsub(" ", " | ", $$1); printf "  make %-28s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nTaken by all: RUN_DIR=.run HTTP_PORT=8080 PRESET=release JOBS=%s\n' "$(JOBS)"
