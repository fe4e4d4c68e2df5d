# SPDX-License-Identifier: Apache-2.0
# For people: one command a job. The build itself is CMake (CMakePresets.json).
FUZZ_SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help setup build demo test bench lint format fuzz soak docs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: ## install what the build and the tests need (Debian packages; only what is missing)
	@tools/setup.sh build test

build: ## build the release binary: build/release/tfdc
	@tools/setup.sh build
	@tools/build.sh release tfdc

demo: ## a simulated fab with planted faults on tfdc dev, and what was found (DEMO="--seed 2")
	@tools/setup.sh build
	@tools/build.sh release tfdc
	@tools/demo.sh $(DEMO)

test: ## everything that CI runs: all tests, again under asan and tsan, then lint; the last line is the sum
	@tools/setup.sh build test
	@tools/test.sh

bench: ## build the release benchmarks and run each
	@tools/setup.sh build
	@tools/bench.sh

lint: ## the house rules as programs: layers, banned calls, headers, format, sizes ...
	@tools/setup.sh build test
	@tools/lint.sh

format: ## lay out all C files as .clang-format says
	@python3 tools/gates/format.py --fix

fuzz: ## every fuzz target for FUZZ_SECONDS (60) each
	@tools/setup.sh build test
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tools/fuzz.sh

soak: ## the long runs of test/soak
	@tools/setup.sh build test
	@test/soak/run.sh

docs: ## write the reference pages anew from the tables in the code
	@tools/setup.sh build
	@tools/build.sh dev docs

clean: ## remove build/
	@rm -rf build
