# Every target sets up what it needs below .venv/ and var/, and can be run again.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := -m pip --quiet --disable-pip-version-check
SERVICES := firm_bridge mautrix bot_sdk
TABLE := PYTHONPATH=conformance $(BIN)/python -m appservice_conformance.table $(SERVICES:%=conformance/results/%.json)

.PHONY: help run conformance conformance-here compose image test wheels check unit component synapse clients postgres postgres-store several sftp sources panel-pages panel docs site pictures bench-ingest bench-postgres bench-provision bench-commands bench-guard bench-leaver bench-files bench-filing bench-scale bench-first-start bench-panel bench-scim bench-smokeball crash machine attacks workers workers-short mas properties mutants ci clean

## help: this list
help:
	@echo "make TARGET, one of these; docs/development.md says how long each takes and what it needs:"
	@sed -n 's/^## \([^:]*\): /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' 'length($$1) > 13 { print "  " $$1; $$1 = "" } { printf "  %-14s%s\n", $$1, $$2 }'

$(VENV)/installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the bridge and its tools into $(VENV), which takes a minute or two, once ..."
	@$(BIN)/python $(PIP) install --constraint constraints.txt --editable '.[test,postgresql,site]'
	@touch $@

$(VENV)/synapse/installed: synapse-dev/constraints.txt
	@test -x $(VENV)/synapse/bin/python || $(PYTHON) -m venv $(VENV)/synapse
	@echo "Installing Synapse into $(VENV)/synapse, which takes a minute or two, once ..."
	@$(VENV)/synapse/bin/python $(PIP) install --constraint synapse-dev/constraints.txt matrix-synapse
	@touch $@

# Many short programs run in tests. What they are compiled to is kept, and not beside the sources.
test ci: export PYTHONDONTWRITEBYTECODE :=
test ci: export PYTHONPYCACHEPREFIX := $(CURDIR)/var/pycache

## run: a local Synapse, the bridge and the demo firm
run:
	@$(MAKE) --no-print-directory --jobs 2 $(VENV)/installed $(VENV)/synapse/installed
	@exec $(BIN)/firm-bridge dev

## compose: the same in containers, with Element; needs Docker
compose:
	@exec $(PYTHON) bridge/dev/compose_up.py

## image: the container images, by podman, on a Debian made here or on BASE; as root
image: $(VENV)/installed
	tests/containers/run.sh

## test: all tests, those on the real Synapse too, one more at a time than there are processors (tests/together.py)
test: $(VENV)/installed $(VENV)/synapse/installed
	$(BIN)/python -m pytest --numprocesses $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --maxprocesses 4

## unit, component, synapse: one kind of test alone
unit component: $(VENV)/installed
	$(BIN)/python -m pytest tests/$@
synapse: $(VENV)/installed $(VENV)/synapse/installed
	$(BIN)/python -m pytest tests/$@

var/clients/installed: tests/clients/package.json
	mkdir -p var/clients
	cp tests/clients/package.json var/clients/
	npm install --prefix var/clients --no-fund --no-audit --no-package-lock --silent
	touch $@

## clients: the demo firm in matrix-js-sdk, and in Element and Cinny where ELEMENT_WEB and CINNY_WEB name built ones; needs Node 20 and npm
clients: $(VENV)/installed $(VENV)/synapse/installed var/clients/installed
	CLIENT_MODULES=$(CURDIR)/var/clients $(BIN)/python -m pytest tests/clients

## panel-pages: every page of the panel in Chromium from Debian's packages: axe, screen reader, narrow windows
panel-pages: $(VENV)/installed
	tests/panel/run.sh tests/panel/test_pages.py tests/panel/test_doors.py

## panel: the long form: more windows, and the demo firm's people at work in four browsers on the real Synapse
panel: $(VENV)/installed $(VENV)/synapse/installed
	PANEL_FORM=long tests/panel/run.sh tests/panel

## wheels: both wheels as a firm installs them: the bridge's in an empty environment, the guard's for Synapse
wheels: $(VENV)/installed $(VENV)/synapse/installed
	rm -rf build var/wheels
	$(BIN)/python $(PIP) wheel --no-deps --wheel-dir var/wheels . ./packaging/guard
	rm -rf build
	$(PYTHON) -m venv var/wheels/bridge
	var/wheels/bridge/bin/python $(PIP) install --constraint constraints.txt var/wheels/firm_bridge-*.whl
	$(VENV)/synapse/bin/python $(PIP) install --no-deps --no-index --target var/wheels/guard var/wheels/firm_bridge_guard-*.whl
	WHEELS=$(CURDIR)/var/wheels $(BIN)/python -m pytest tests/wheels

## pictures: take the pictures in docs/pictures anew: of the panel, and in the Element that ELEMENT_WEB names
pictures: $(VENV)/installed $(VENV)/synapse/installed
	if [ "$$(id -u)" = 0 ]; then apt-get install -y -qq --no-install-recommends fonts-inter >/dev/null; fi
	tests/panel/run.sh tests/panel/pictures.py --timeout 600
	$(BIN)/python -m pytest tests/clients/pictures.py --timeout 600

## postgres: all component tests on PostgreSQL from Debian's packages
postgres: $(VENV)/installed
	tests/postgres.sh --numprocesses logical --maxprocesses 4 tests/component

## postgres-store: those of the store, the queues and backups alone, and the short form of several
postgres-store: $(VENV)/installed
	tests/postgres.sh tests/component/store/test_store*.py tests/component/wire/test_inbox*.py tests/component/wire/test_outbox*.py tests/component/backup tests/component/several

## several: two and four processes on one PostgreSQL, killed, stopped and cut off under load for ten minutes each
several: $(VENV)/installed
	FIRM_BRIDGE_SEVERAL=600 tests/postgres.sh tests/component/several

## sftp: the filing cabinet on OpenSSH's SFTP server from Debian's packages
sftp: $(VENV)/installed
	tests/sftp.sh

## sources: the connectors against Smokeball's description (Prism); long walks with the fakes; SCIM's checkers; a Synapse
sources: $(VENV)/installed $(VENV)/synapse/installed
	tests/sources.sh

## check: style, types, floors, generated pages, container files
check: $(VENV)/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m bridge.docs --check
	$(BIN)/python -m tests.synapse.attacks.page --check
	$(TABLE) --check docs/conformance.md
	$(BIN)/hadolint synapse-dev/Dockerfile tests/containers/Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec synapse-dev/docker-compose.yaml synapse-dev/workers/docker-compose.yaml

var/conformance/peers/installed: conformance/services/constraints.txt conformance/services/package.json
	mkdir -p var/conformance/peers/bot-sdk
	$(PYTHON) -m venv var/conformance/peers/mautrix
	var/conformance/peers/mautrix/bin/python $(PIP) install --constraint conformance/services/constraints.txt mautrix
	cp conformance/services/package.json var/conformance/peers/bot-sdk/
	npm install --prefix var/conformance/peers/bot-sdk --no-fund --no-audit --no-package-lock --ignore-scripts --silent
	touch $@

CONFORMANCE := -m pytest --config-file conformance/pyproject.toml conformance/appservice_conformance/cases --quiet

## conformance: the suite for application services against this bridge, mautrix and matrix-bot-sdk; needs Node 20 and npm
conformance: $(VENV)/installed var/conformance/peers/installed
	for service in $(SERVICES); do PYTHONPATH=$(CURDIR) PEERS=$(CURDIR)/var/conformance/peers $(BIN)/python $(CONFORMANCE) \
	  --tb=no --service conformance/services/$$service.toml --results conformance/results/$$service.json; \
	  test $$? -le 1 || exit 1; done
	$(TABLE) > docs/conformance.md

## conformance-here: its short form against this bridge alone
conformance-here: $(VENV)/installed
	PYTHONPATH=$(CURDIR) $(BIN)/python $(CONFORMANCE) --service conformance/services/firm_bridge.toml \
	  -k "not killed_cases or killed_in_the_middle"

## docs: write the pages that are made from the code
docs: $(VENV)/installed
	$(BIN)/python -m bridge.docs
	$(BIN)/python -m tests.synapse.attacks.page

## site: the documentation as a site in var/site, every link checked
site: $(VENV)/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build # not --quiet, with which it passes over broken links

## crash: the long form of the crash tests: every step and every fault point, one after another
crash: $(VENV)/installed $(VENV)/synapse/installed
	FIRM_BRIDGE_CRASH=long $(BIN)/python -m pytest tests/component/people/test_killed_between.py tests/component/sources/test_killed.py tests/synapse/running/test_crash.py tests/synapse/running/test_leavers.py tests/synapse/running/test_put_back.py

## attacks: every attempt of docs/attacks.md and every request of a former member, without the guard too
attacks: $(VENV)/installed $(VENV)/synapse/installed
	FIRM_BRIDGE_ATTACKS=long $(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 tests/synapse/test_attacks.py tests/synapse/guard/test_former_members.py

## workers, workers-short: Synapse with workers: every attack through each, and each killed all the while; short, of one
workers: $(VENV)/installed $(VENV)/synapse/workers
	FIRM_BRIDGE_WORKERS=long $(BIN)/python -m pytest tests/synapse/workers
workers-short: $(VENV)/installed $(VENV)/synapse/workers
	FIRM_BRIDGE_WORKERS=short $(BIN)/python -m pytest tests/synapse/workers

## mas: Synapse that leaves its accounts to the Matrix Authentication Service: check, and every attack that has an address there
mas: $(VENV)/installed $(VENV)/synapse/installed
	FIRM_BRIDGE_UNDER_MAS=long $(BIN)/python -m pytest tests/synapse/mas tests/component/accounts

$(VENV)/synapse/workers: $(VENV)/synapse/installed
	tests/synapse/workers/packages.sh
	$(VENV)/synapse/bin/python $(PIP) install --constraint synapse-dev/constraints.txt 'matrix-synapse[postgres,redis]'
	@touch $@

## properties: the long form of the tests that make up their own input, with other input every time
properties: $(VENV)/installed
	FIRM_BRIDGE_PROPERTIES=long $(BIN)/python -m pytest tests/unit -m hypothesis --timeout 1200

## machine: the long form of the random walks beside the model of the rules, other ones every time
machine: $(VENV)/installed $(VENV)/synapse/installed
	FIRM_BRIDGE_MACHINE=long $(BIN)/python -m pytest tests/component/people/test_rules_machine.py tests/synapse/running/test_rules_machine.py

## mutants: make small mistakes in the pure and the guarding modules, and see that tests notice; SAMPLE and SEED choose
mutants: $(VENV)/installed
	$(BIN)/python -m tests.mutants

## bench-ingest, bench-postgres, bench-provision, bench-commands, bench-guard, bench-leaver, bench-files, bench-filing, bench-scale, bench-first-start, bench-panel, bench-scim, bench-smokeball: figures for benchmarks/README.md
bench-ingest: $(VENV)/installed
	$(BIN)/python -m benchmarks.ingest
bench-postgres: $(VENV)/installed
	FSYNC=on MODULE=benchmarks.ingest tests/postgres.sh --beside benchmarks.ingest.bridge --service benchmarks.ingest.postgresql
bench-provision: $(VENV)/installed $(VENV)/synapse/installed
	$(BIN)/python -m benchmarks.provision
bench-commands: $(VENV)/installed $(VENV)/synapse/installed
	$(BIN)/python -m benchmarks.commands
bench-guard: $(VENV)/installed $(VENV)/synapse/installed
	$(BIN)/python -m benchmarks.guard
bench-leaver: $(VENV)/installed $(VENV)/synapse/installed
	$(BIN)/python -m benchmarks.leaver
bench-files: $(VENV)/installed
	$(BIN)/python -m benchmarks.files
bench-filing: $(VENV)/installed $(VENV)/synapse/installed
	$(BIN)/python -m benchmarks.filing
bench-scale: $(VENV)/installed
	$(BIN)/python -m benchmarks.scale
bench-first-start: $(VENV)/installed $(VENV)/synapse/installed
	$(BIN)/python -m benchmarks.first_start --python $(PYTHON)

bench-panel: $(VENV)/installed $(VENV)/synapse/installed
	$(BIN)/python -m benchmarks.panel --rounds 9 --staff 200
bench-scim: $(VENV)/installed
	$(BIN)/python -m benchmarks.sources.scim
bench-smokeball: $(VENV)/installed
	$(BIN)/python -m benchmarks.sources.smokeball

## ci: the gate: everything that must hold for a change
ci: $(VENV)/installed
	$(MAKE) --jobs 2 check sftp wheels site conformance-here
	$(MAKE) test
	$(MAKE) --jobs 2 workers-short clients panel-pages postgres-store

## clean: take away what the targets set up, the local firm in var/ included
clean:
	rm -rf $(VENV) var
