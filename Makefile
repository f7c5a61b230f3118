# Every command a developer or CI needs. `make` alone lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SERVING := $(VENV)/.serving
DATA ?= data/films
SHIFTED ?= data/shifted
FILMS ?= 4000
export HF_HUB_OFFLINE := 1

.DEFAULT_GOAL := help
.PHONY: help demo test check format golden sheet films train-small finetune evaluate pictures judges bundle clean bench bench-films fuzz load soak

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(SERVING): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e .
	touch $@

$(READY): $(SERVING)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(SERVING)  ## a complete agent conversation over MCP: find a child, segment the film, draft the report
	$(BIN)/pedaxr demo

test: $(READY)  ## all tests but the slow ones and those that need a GPU
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(READY)  ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)  ## rewrite the sources in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: $(READY)  ## store the tools' schemas and the command line's help anew, when a change of them is meant
	PEDAXR_UPDATE_GOLDEN=1 $(BIN)/python -m pytest tests/server/mcp/test_schemas.py tests/server/cli/test_cli.py

judges: $(READY)  ## MCP Inspector and the official conformance suite on the real server (needs npm; after make demo)
	bash tests/server/judges.sh $(CURDIR)/$(BIN) "$$($(BIN)/python -c 'from pedaxr.clinic import default_home; print(default_home())')" $(CURDIR)/out/judges

bundle: $(READY)  ## dist/: wheel, sdist and an .mcpb bundle for desktop clients, checked; the Dockerfile too (needs npm)
	bash packaging/build.sh $(CURDIR)/$(BIN) $(CURDIR)/out/judges $(CURDIR)/dist

sheet: $(READY)  ## the contact sheets of README and docs/data.md
	$(BIN)/pedaxr sheet docs/films.png --seed 5 --outlines --width 1536
	$(BIN)/pedaxr sheet docs/films_plain.png --seed 5 --width 1152
	$(BIN)/pedaxr sheet docs/structures.png --structures --view erect --seed 6 --width 1536

films: $(READY)  ## write the synthetic training films (DATA=folder FILMS=count)
	$(BIN)/pedaxr films $(DATA) --count $(FILMS) --seed 0
	$(BIN)/pedaxr films $(SHIFTED) --count 240 --seed 0 --shifted

SPEED_PAGE ?= docs/speed.md
BENCH = $(BIN)/python benchmarks/$(1).py --json out/bench/$(1).json --publish $(SPEED_PAGE)

bench: $(READY)  ## how fast everything is, beside the seed's architecture (a quiet machine; 15 minutes): out/bench/, docs/speed.md
	mkdir -p out/bench
	$(call BENCH,reading_speed) --seed-repeats 5
	$(call BENCH,start_speed)
	$(call BENCH,throughput)
	$(call BENCH,registry_sizes)
	$(call BENCH,film_speed)
	$(call BENCH,runtime_parity) --data $(DATA) --films 100

fuzz: $(READY)  ## thousands of damaged files, then a minute of atheris on each decoder (4 minutes)
	$(BIN)/python -m pytest -m "slow or not slow" tests/tools/radiograph/test_fuzz_files.py tests/tools/clinic/test_fuzz_tables.py \
		tests/server/mcp/test_fuzz_calls.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris
	for decoder in png jpeg dicom; do \
		$(BIN)/python tests/fuzz_decoders.py $$decoder --seconds 60 || exit 1; \
		! $(BIN)/python tests/fuzz_decoders.py $$decoder --seconds 60 --planted --keep out/fuzz/planted || exit 1; \
	done

load: $(READY)  ## 100 and 200 callers over HTTP at once, then 50 beside 300 slow clients
	$(BIN)/python benchmarks/load.py --callers 100 --most-busy-s 0.5 --most-search-s 0.5 --json out/bench/load_100.json
	$(BIN)/python benchmarks/load.py --callers 200 --json out/bench/load_200.json
	$(BIN)/python benchmarks/load.py --callers 50 --slow-clients 300 --json out/bench/load_slow.json

soak: $(READY)  ## ten minutes of calls with killed workers, broken films, hang-ups and slow clients
	$(BIN)/python benchmarks/load.py --callers 20 --seconds 600 --faults --slow-clients 50 --most-growth 0.05 --json out/bench/soak.json

bench-films: $(READY)  ## seconds per synthetic film on one core
	$(BIN)/python benchmarks/film_speed.py --json out/film_speed.json

train-small: films  ## train both networks as the shipped ones were, on two CPU cores (about an hour)
	$(BIN)/pedaxr train segmentation --data $(DATA) --out runs/segmentation --preset small --resume
	$(BIN)/pedaxr train captioner --data $(DATA) --segmenter runs/segmentation/checkpoint \
		--out runs/captioner --preset small --resume

finetune: $(READY)  ## fine-tune the shipped segmentation on 200 films listed in the seed's CSV format
	$(BIN)/python benchmarks/finetune.py runs/hospital

pictures: films  ## what the report writer has learnt, of the shipped weights: out/reader, and docs/reader
	$(BIN)/pedaxr pictures captioner --data $(DATA) --limit 90 --out out/reader
	cp out/reader/features.png out/reader/attention_pneumoperitoneum.png \
		out/reader/attention_pyloric_stenosis.png docs/reader/

evaluate: films  ## measure the shipped weights on the test films
	$(BIN)/pedaxr evaluate segmentation --data $(DATA) --shifted $(SHIFTED)
	$(BIN)/pedaxr evaluate captioner --data $(DATA) --shifted $(SHIFTED)

clean:  ## remove what the other targets made, except the films and training runs
	rm -rf $(VENV) build dist out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
