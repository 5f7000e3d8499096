# make demo    install what the demo needs and run it: no torch
# make test    install everything and run every check
# make setup   the whole development environment in .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
EXTRA ?= demo
BIN := $(VENV)/bin
SOURCES := radiosem channel_sim edge_tx server_rx testbed
CODE := $(SOURCES) models/radiosem_models tests

.PHONY: demo setup test check stubs install
.DEFAULT_GOAL := demo

demo: install
	$(BIN)/radiosem demo

setup: EXTRA = dev
setup: install

test: setup check
	$(BIN)/python -m pytest

check:
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(SOURCES) models/radiosem_models
	$(BIN)/lint-imports
	@mkdir -p build/stubs
	$(MAKE) --no-print-directory stubs STUBS=build/stubs
	@for f in proto/radiosem_proto/v1/*_pb2*; do \
	    cmp $$f build/stubs/radiosem_proto/v1/$$(basename $$f) || { echo "$$f is stale: run make stubs"; exit 1; }; done

# What the .proto files generate, by default beside them.
STUBS ?= proto
stubs:
	$(BIN)/python -m grpc_tools.protoc -Iproto --python_out=$(STUBS) --pyi_out=$(STUBS) --grpc_python_out=$(STUBS) \
	    proto/radiosem_proto/v1/radiosem.proto

# One stamp an extra, so that a second run installs nothing.
install: $(VENV)/bin/python
	@[ $(VENV)/.has-$(EXTRA) -nt pyproject.toml ] && [ $(VENV)/.has-$(EXTRA) -nt constraints.txt ] || { \
	    $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[$(EXTRA)]' \
	    && touch $(VENV)/.has-$(EXTRA); }
	@$(BIN)/python -c 'import cv2' 2>/dev/null || { echo "no libGL here: OpenCV without its windows instead"; \
	    $(BIN)/python -m pip uninstall -qy opencv-python \
	    && $(BIN)/python -m pip install --disable-pip-version-check --force-reinstall --no-deps -c constraints.txt \
	        opencv-python-headless; }

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
