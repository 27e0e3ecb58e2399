# Each target is one command, shown as it runs. What a machine lacks is installed first, or named.

SHELL := /bin/bash
export PATH := $(HOME)/.cargo/bin:$(PATH)

# Which seed `make sim` replays; empty means every seed that `make test` runs.
SEED ?=
# Which tests are simulations, in the filter language of cargo-nextest.
SIM ?= test(/(^|::)sim::/)
# How long `make fuzz` spends on each target, and which targets; empty means all of them.
SECONDS_EACH ?= 60
TARGETS ?=
# Which cases `make autobahn` plays; empty means all of them.
CASES ?=
# Which scenario `make bench` measures; empty means all that have no result of today.
SCENARIO ?=
# Further options of `make bench`; OPTIONS=--help lists them.
OPTIONS ?=

# What `make run` says of its build.
QUICK := Profile "quick": optimised, without LTO. Figures are of the profile "release".

.DEFAULT_GOAL := help
.PHONY: help setup run test check sim fuzz autobahn bench bench-quick profiled doc

help: ## Lists these targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Installs what building and testing need; without root, says what is missing.
	.ci/setup build test

run: ## Serves the demo on http://127.0.0.1:8080 until Ctrl-C: a quick build, without LTO.
	@.ci/setup build
	$(info $(QUICK))cargo run --profile quick -p ringlane-cli -- demo --bind 127.0.0.1:8080

test: ## Runs every check and every test.
	@.ci/setup build test
	.ci/test

check: ## Runs what needs no test run: format, lints, documentation.
	@.ci/setup build
	.ci/check

sim: ## Replays one simulated run: make sim SEED=7.
	@.ci/setup build test
	$(if $(SEED),RINGLANE_SEED=$(SEED)) cargo nextest run -p ringlane-tests -E '$(SIM)' --no-capture

fuzz: ## Fuzzes every decoder: make fuzz SECONDS_EACH=600 TARGETS="request_head forwarded".
	@.ci/setup build fuzz
	.ci/fuzz $(SECONDS_EACH) $(TARGETS)

autobahn: ## Plays Autobahn's cases against the demo's /ws: make autobahn CASES="1.* 7.*".
	@.ci/setup build autobahn
	.ci/autobahn $(CASES)

bench: ## Measures every scenario against its peers, going on where it stopped; or SCENARIO=x alone.
	@.ci/setup build bench
	cargo run --release -p ringlane-bench --bin compare -- $(if $(SCENARIO),--scenario $(SCENARIO),--all --resume) $(OPTIONS)

bench-quick: ## Two scenarios with short rounds, to see that it runs; the figures mean little.
	@.ci/setup build bench
	cargo run --release -p ringlane-bench --bin compare -- --rounds 1 --seconds 1 --no-save $(OPTIONS)

profiled: ## Builds the program with profile-guided optimisation: target/profiled/ringlane.
	@.ci/setup build profile
	bench/profiled

doc: ## Builds the documentation of every crate into target/doc.
	@.ci/setup build
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --all-features
