# Every command a developer or CI needs. `make` alone lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SERVING := $(VENV)/.serving
DATA ?= data/films
SHIFTED ?= data/shifted
FILMS ?= 4000
# Of the tests, more than the two cores they are meant for: some wait for a process, a browser or a PACS. 4 GB each;
# a fourth takes more by importing everything once more than it gains by not waiting (15.5 minutes for 14).
WORKERS ?= 3
export HF_HUB_OFFLINE := 1
# ONNX Runtime sends events to its maker by default; the packages switch that off, tests and benchmarks import it first.
export ORT_DISABLE_TELEMETRY := 1
# Where a shell forbids bytecode, pytest would rewrite four hundred modules of tests in every run.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test check format golden sheet films train-small finetune evaluate pictures judges bundle release crowds whole survival clean bench bench-users bench-beyond bench-films fuzz load soak

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# uv, where it is, does in seconds what takes pip a minute; --seed, since other targets and the docs call pip.
# Bytecode is compiled when a module is first used.
UV := $(shell command -v uv)
MAKE_VENV = $(if $(UV),uv venv --seed --quiet --allow-existing --python $(PYTHON),$(PYTHON) -m venv) $(VENV)
INSTALL = $(if $(UV),uv pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet \
	--disable-pip-version-check --no-compile) -c constraints.txt

$(SERVING): pyproject.toml constraints.txt
	$(MAKE_VENV)
	$(INSTALL) -e .
	touch $@

$(READY): $(SERVING)
	$(INSTALL) -e '.[dev]'
	touch $@

demo: $(SERVING)  ## a complete agent conversation over MCP: find a child, segment the film, draft the report
	$(BIN)/pedaxr demo

test: $(READY)  ## all tests but the slow ones and those that need a GPU
	$(BIN)/python -m compileall -q -j 2 models tools server
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: $(READY)  ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)  ## rewrite the sources in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: $(READY)  ## store the schemas of the tools and the help of the command line, when a change of them is meant
	PEDAXR_UPDATE_GOLDEN=1 $(BIN)/python -m pytest tests/server/mcp/test_schemas.py tests/server/cli/test_cli.py

judges: $(READY)  ## MCP Inspector and the official conformance suite on the real server (needs npm; after make demo)
	bash tests/server/judges.sh $(CURDIR)/$(BIN) "$$($(BIN)/python -c 'from pedaxr.clinic import default_home; print(default_home())')" $(CURDIR)/out/judges

bundle: $(READY)  ## dist/: wheel, sdist and an .mcpb bundle for desktop clients, checked; the Dockerfile too (needs npm)
	bash packaging/build.sh $(CURDIR)/$(BIN) $(CURDIR)/out/judges $(CURDIR)/dist

release: bundle  ## dist/: the wheel, the bundle, their bill of materials (CycloneDX) and SHA256SUMS
	for wheel in dist/pedaxr-*.whl; do \
		$(BIN)/python packaging/sbom.py $$wheel --out dist/pedaxr-$$(basename $$wheel | cut -d- -f2).cdx.json || exit 1; \
	done
	cd dist && sha256sum pedaxr-* > SHA256SUMS

sheet: $(READY)  ## the contact sheets of README and docs/data.md
	$(BIN)/pedaxr sheet docs/films.png --seed 5 --outlines --width 1536
	$(BIN)/pedaxr sheet docs/films_plain.png --seed 5 --width 1152
	$(BIN)/pedaxr sheet docs/structures.png --structures --view erect --seed 6 --width 1536

films: $(READY)  ## write the synthetic training films (DATA=folder FILMS=count)
	$(BIN)/pedaxr films $(DATA) --count $(FILMS) --seed 0
	$(BIN)/pedaxr films $(SHIFTED) --count 240 --seed 0 --shifted

SPEED_PAGE ?= docs/speed.md
BENCH = $(BIN)/python benchmarks/$(1).py --json out/bench/$(1).json --publish $(SPEED_PAGE)
SPEED_PICTURE = $(BIN)/python benchmarks/speed_picture.py $(SPEED_PAGE) $(dir $(SPEED_PAGE))speed_users.svg

bench: $(READY)  ## how fast everything is, beside the reference networks (a quiet machine; 20 minutes): out/bench/, docs/speed.md
	mkdir -p out/bench
	$(call BENCH,user_speed)
	$(call BENCH,reading_speed) --reference-repeats 5
	$(call BENCH,start_speed)
	$(call BENCH,throughput)
	$(call BENCH,registry_sizes)
	$(call BENCH,registry_writers)
	$(call BENCH,runtime_parity) --data $(DATA) --films 100
	$(call BENCH,film_speed)
	$(SPEED_PICTURE)

bench-users: $(READY)  ## of that only what users wait for: both tools over MCP and in Python, and starts (7 minutes)
	mkdir -p out/bench
	$(call BENCH,user_speed)
	$(call BENCH,start_speed)
	$(SPEED_PICTURE)

bench-beyond: $(READY)  ## past one process and one machine: readers and archives on Ray, batches, PostgreSQL (10 minutes; needs postgresql)
	mkdir -p out/bench
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'psycopg[binary]'
	$(call BENCH,shared_readers)
	$(call BENCH,archive_on_ray)
	$(call BENCH,gpu_throughput)
	$(call BENCH,registry_postgres)

ENDURANCE = $(BIN)/python benchmarks/endurance.py $(1) --json out/bench/$(1).json --publish docs/safety.md

fuzz: $(READY)  ## thousands of damaged files and calls, then atheris on each decoder (5 minutes): docs/safety.md
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris
	$(call ENDURANCE,fuzz)

load: $(READY)  ## 100 and 200 callers over HTTP at once, then 50 beside 300 slow clients (5 minutes): docs/safety.md
	$(call ENDURANCE,load)

soak: $(READY)  ## five minutes of calls with killed workers, broken films, hang-ups and slow clients: docs/safety.md
	$(call ENDURANCE,soak)

survival: $(READY)  ## kills and failing disks at every position, eight writers (5 minutes): docs/safety.md
	$(call ENDURANCE,survival)

crowds: $(READY)  ## others beside 1,000 connections, streams and 10,000 sessions of one client (3 minutes): docs/safety.md
	$(BIN)/python benchmarks/crowds.py --json out/bench/crowds.json --publish docs/safety.md

whole: $(READY)  ## 10,000 steps of two users on a whole server, against a model of what each may see
	PEDAXR_TEST_STEPS=10000 $(BIN)/python -m pytest -s -q tests/server/test_whole_server.py

bench-films: $(READY)  ## seconds per synthetic film on one core
	$(BIN)/python benchmarks/film_speed.py --json out/film_speed.json

train-small: films  ## train both networks as the bundled ones were, on two CPU cores (about an hour)
	$(BIN)/pedaxr train segmentation --data $(DATA) --out runs/segmentation --preset small --resume
	$(BIN)/pedaxr train captioner --data $(DATA) --segmenter runs/segmentation/checkpoint \
		--out runs/captioner --preset small --resume

finetune: $(READY)  ## fine-tune the bundled segmentation on 200 films listed in a CSV of six columns
	$(BIN)/python benchmarks/finetune.py runs/hospital

pictures: films  ## what the report writer has learnt, of the bundled weights: out/reader, and docs/reader
	$(BIN)/pedaxr pictures captioner --data $(DATA) --limit 90 --out out/reader
	cp out/reader/features.png out/reader/attention_pneumoperitoneum.png \
		out/reader/attention_pyloric_stenosis.png docs/reader/

evaluate: films  ## measure the bundled weights on the test films
	$(BIN)/pedaxr evaluate segmentation --data $(DATA) --shifted $(SHIFTED)
	$(BIN)/pedaxr evaluate captioner --data $(DATA) --shifted $(SHIFTED)

clean:  ## remove what the other targets made, except the films and training runs
	rm -rf $(VENV) build dist out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
