# Everything starts from nothing: each target makes the environment it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(wildcard packages/*/pyproject.toml) pyproject.toml
MINUTES ?= 5

.PHONY: demo test lint bench docs site offers wheels clean

## demo: pictures of a trained model within seconds, then a training of one's own in the minutes that there are
demo: $(VENV)/.demo
	@rm -rf runs/demo runs/shipped && mkdir -p runs/shipped
	$(BIN)/gnm sample --pretrained mnist-4-64 -n 25 --out runs/shipped/samples.png
	$(BIN)/gnm figure --pretrained mnist-4-64 --kind reconstruction --out runs/shipped/objects.png
	@echo; echo "Scenes that the shipped model generated: runs/shipped/samples.png"
	@echo "Objects that it finds: runs/shipped/objects.png"; echo
	$(BIN)/gnm train --spec mnist-4-64-demo --out runs/demo --within $$(( $(MINUTES) * 60 ))
	$(BIN)/gnm sample runs/demo -n 25 --out runs/demo/samples.png
	@echo; echo "The picture: $$(ls runs/demo/pictures/*.png | tail -1)"
	@echo "Generated scenes: runs/demo/samples.png"

## test: the whole test suite
test: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal tests

## lint: style, types, layers
lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

## bench: measurements, by hand, on a quiet machine
bench: $(VENV)/.dev
	$(BIN)/python benchmarks/step.py
	$(BIN)/python benchmarks/renderer.py
	$(BIN)/python benchmarks/data.py
	$(BIN)/python benchmarks/models.py

## docs: the documents' own tests: every command and every spec in them is run
docs: $(VENV)/.dev
	$(BIN)/python -m pytest tests -k docs

## site: the documentation site, in build/site; a warning is an error; its notebooks are run
site: $(VENV)/.docs
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -c docs -b html . build/site
	@echo "The site: build/site/index.html"

## offers: which part is in which package, from what the packages register, for whoever has not installed them
offers: $(VENV)/.dev
	$(BIN)/python .ci/offers gnm-render gnm-data gnm-baselines

## wheels: one wheel for each package, in dist/
wheels: offers
	rm -rf dist
	for package in packages/*/; do $(BIN)/python -m build --wheel --no-isolation --outdir dist $$package || exit 1; done

$(VENV)/.docs: $(VENV)/.dev
	$(BIN)/pip install --quiet --group docs
	touch $@

clean:
	rm -rf $(VENV) build dist runs docs/reference

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.demo: $(VENV)/bin/python $(SOURCES)
	$(BIN)/pip install --quiet -e packages/gnm-core -e packages/gnm-render -e packages/gnm-data
	touch $@

$(VENV)/.dev: $(VENV)/bin/python $(SOURCES)
	$(BIN)/pip install --quiet -e "packages/gnm-core[timm,tensorboard,evaluate,flow]" -e "packages/gnm-render[studio]" -e packages/gnm-baselines -e packages/gnm-data --group dev
	touch $@ $(VENV)/.demo
