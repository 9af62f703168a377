# make run: set up all that is needed, then the demo.   make test: set up, then every test.
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c

VENV := .venv
BIN := $(VENV)/bin
PACKAGES := sip-tester mmdebstrap chromium fonts-noto-cjk prometheus prometheus-alertmanager
COMPILER := gcc libc6-dev python3-dev
PROGRAMS := sipp mmdebstrap chromium prometheus promtool prometheus-alertmanager amtool
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: setup run test lint bench bench-latency bench-ami bench-routing bench-feed bench-restart bench-surge chaos clean

setup: $(VENV)/.stamp var/.host
	@if [ ! -f seats/web/static/desk.html ] || [ -n "$$(find seats/web/ui -newer seats/web/static/desk.html -not -path '*/node_modules*' -type f -print -quit)" ]; then
		echo "Building the pages ..."
		$(BIN)/python hatch_build.py
	fi
	$(BIN)/python -m telephony.lab

# programs that the demo and the tests drive; the service itself needs none of them. While they are installed a
# policy forbids to start services, and those we brought stay off at the next boot: nobody asked for them
var/.host: Makefile
	@missing=""
	for p in $(PROGRAMS); do command -v $$p >/dev/null || missing="$$missing $$p"; done
	if [ -n "$$missing" ]; then
		echo "Installing$$missing ($(PACKAGES)) ..."
		command -v apt-get >/dev/null || { echo "Cannot install$$missing: no apt-get on this system. Install them by hand." >&2; exit 1; }
		if [ -n "$(SUDO)" ] && ! command -v sudo >/dev/null; then echo "Cannot install$$missing: neither root nor sudo." >&2; exit 1; fi
		$(SUDO) apt-get -qq update
		policy=/usr/sbin/policy-rc.d
		if [ ! -e $$policy ]; then
			trap '$(SUDO) rm -f /usr/sbin/policy-rc.d' EXIT
			printf '#!/bin/sh\nexit 101\n' | $(SUDO) tee $$policy >/dev/null && $(SUDO) chmod 755 $$policy
		fi
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $(PACKAGES) >/dev/null
		for unit in prometheus prometheus-alertmanager; do
			if [[ "$$missing " = *" $$unit "* ]] && command -v systemctl >/dev/null; then $(SUDO) systemctl -q disable $$unit || true; fi
		done
	fi
	mkdir -p var && touch $@

$(VENV)/.stamp: pyproject.toml
	@py=$$(command -v python3) || { echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv" >&2; exit 1; }
	$$py -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; this is $$($$py -V)." >&2; exit 1; }
	$$py -c 'import ensurepip, venv' 2>/dev/null || { $(SUDO) apt-get -qq update && $(SUDO) apt-get -qq install -y python3-venv >/dev/null; } \
		|| { echo "Python's venv is missing and could not be installed: apt-get install python3-venv" >&2; exit 1; }
	echo "Setting up $(VENV) ..."
	[ -x $(BIN)/python ] || $$py -m venv $(VENV)
	SEATS_SKIP_UI=1 SEATS_COMPILE=0 $(BIN)/pip install -q --disable-pip-version-check --use-pep517 -e '.[dev]'
	touch $@

run: setup
	@exec $(BIN)/seats demo

# beside the tests of real calls, which mostly wait, run those that need no PBX or are in no hurry ("aside")
test: setup lint
	@nice -n 5 $(BIN)/pytest -m "not pbx or aside" >var/beside.log 2>&1 & beside=$$!
	trap "kill $$beside 2>/dev/null || true" EXIT
	calls=0; $(BIN)/pytest -m "pbx and not aside" || calls=$$?
	rest=0; wait $$beside || rest=$$?
	cat var/beside.log
	exit $$((calls | rest))

lint: $(VENV)/.stamp
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: bench-ami bench-routing bench-feed bench-restart bench-latency bench-surge

bench-latency bench-ami bench-routing bench-feed bench-restart bench-surge: bench-%: setup
	@$(BIN)/python -m tests.bench.bench_$*

bench-routing: var/.compiler

# what compiles the core for the benchmark; without it the benchmark measures plain Python and says so
var/.compiler: | $(VENV)/.stamp
	@if ! $(BIN)/python -c 'import sys, hatch_core; sys.exit(bool(hatch_core.missing()))' && command -v apt-get >/dev/null; then
		echo "Installing a C compiler ($(COMPILER)) ..."
		{ $(SUDO) apt-get -qq update && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $(COMPILER) >/dev/null; } \
			|| echo "No C compiler could be installed." >&2
	fi
	mkdir -p var && touch $@

chaos: setup
	@$(BIN)/python -m tests.chaos --calls 2000 --kills 52

clean:
	@rm -rf $(VENV) var dist seats/web/static seats/web/ui/node_modules
