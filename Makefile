# Every command a developer or CI needs. `make` alone lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DATA ?= data/films
FILMS ?= 3000
export HF_HUB_OFFLINE := 1

.DEFAULT_GOAL := help
.PHONY: help demo test check format golden films train-small evaluate inspector bench clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,train]'
	touch $@

demo: $(READY)  ## an agent's whole conversation over MCP: find a child, segment the film, draft the report
	$(BIN)/pedaxr demo

test: $(READY)  ## all tests but the slow ones and those that need a GPU
	$(BIN)/python -m pytest

check: $(READY)  ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)  ## rewrite the sources in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

films: $(READY)  ## write the synthetic training films (DATA=folder FILMS=count)
	$(BIN)/pedaxr films $(DATA) --count $(FILMS) --seed 0

train-small: films  ## train both networks as the shipped ones were, on two CPU cores (about two hours)
	$(BIN)/pedaxr train segmentation --data $(DATA) --out runs/segmentation --preset small --resume
	$(BIN)/pedaxr train captioner --data $(DATA) --segmenter runs/segmentation/checkpoint \
		--out runs/captioner --preset small --resume

clean:  ## remove what the other targets made, except the films and training runs
	rm -rf $(VENV) build dist out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
