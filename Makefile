# Every target sets up what it needs below .venv/ and var/, and can be run again.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: run test check unit component synapse-tests postgres-tests docs bench clean

$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --constraint constraints.txt --editable '.[test,postgresql]'
	touch $@

$(VENV)/synapse/installed: synapse-dev/constraints.txt | $(VENV)/installed
	test -x $(VENV)/synapse/bin/python || $(PYTHON) -m venv $(VENV)/synapse
	$(VENV)/synapse/bin/python -m pip install --quiet --disable-pip-version-check --constraint synapse-dev/constraints.txt matrix-synapse
	touch $@

## run: a local Synapse, the bridge and the demo firm
run: $(VENV)/installed $(VENV)/synapse/installed
	@exec $(BIN)/firm-bridge dev

## test: all tests, on the real Synapse too
test: $(VENV)/installed $(VENV)/synapse/installed
	$(BIN)/python -m pytest

unit component: $(VENV)/installed
	$(BIN)/python -m pytest tests/$@
