# `make demo` and `make test` do all the set-up: they need Python 3.11 or later, and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 2

.PHONY: demo test lint bench noise mutations mutants clean

$(READY): pyproject.toml requirements-cpu.txt
	@$(PYTHON) -c 'import sys; sys.exit("isomorph needs Python 3.11 or later, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@echo "setting up $(VENV): three frameworks, about a minute"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-cpu.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]' --constraint requirements-cpu.txt
	touch $@

# One network in three frameworks and the oracle, on photographs that scikit-learn ships; then the same weights with the
# stride moved to the first 1x1, which must fail, and say where.
demo: $(READY)
	$(BIN)/python -m isomorph.tools.demo

# All but what others stand for; `isomorph conformance run` runs that too.
test: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q -m 'not thorough'

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The README's figures.
bench: $(READY)
	$(BIN)/python -m benchmarks.cost
	$(BIN)/python -m benchmarks.growth
	$(BIN)/isomorph bench torchvision/resnet50 --batch 8
	$(BIN)/python -m benchmarks.conversions

# 20,000 damaged files of every checkpoint format by bytes and as many by structure, read here and by the format's own
# reader.
mutations: $(READY)
	$(BIN)/python -m mutations.run

# A few hundred small changes of meaning, planted one at a time: do the tests notice? See docs/mutants.md.
mutants: $(READY)
	$(BIN)/python -m mutants.run --jobs $(JOBS)

clean:
	rm -rf $(VENV) build dist
