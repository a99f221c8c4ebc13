# `make demo` and `make test` do all the set-up: they need Python 3.11 or later, and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 2

LOWEST := .venv-lowest
# What the core's own dependencies do, without a framework, and without comparing files with the newest libhdf5.
CORE_TESTS := spec/tests $(addprefix backends/tests/test_,$(addsuffix .py,\
	arrays folding oracle_gradients oracle_pool)) $(addprefix tools/tests/,$(addsuffix .py,\
	checkpoints/test_hdf5_attributes checkpoints/test_hostile_pickles checkpoints/test_hostile_safetensors \
	checkpoints/test_hostile_streams checkpoints/test_hostile_tensors checkpoints/test_hostile_tf_bundles \
	checkpoints/test_hostile_zips checkpoints/test_keras_checkpoints checkpoints/test_keras_written_bytes \
	checkpoints/test_safetensors checkpoints/test_state_dicts checkpoints/test_tf_bundle \
	checkpoints/test_writers designs/test_compare designs/test_show images/test_batches images/test_image_arrays \
	images/test_photograph_geometry images/test_photographs images/test_recorded_preprocessing \
	predicting/test_labels published/test_download published/test_download_hostile published/test_fetch \
	recording/test_recorded_hostile weights/test_diff weights/test_identify weights/test_inspect))

# Where this is set, each process of the suite would compile all sources anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all test-lowest test-versions lint bench noise ports pairs mutations mutants clean

$(READY): pyproject.toml requirements-cpu.txt
	@$(PYTHON) -c 'import sys; sys.exit("isomorph needs Python 3.11 or later, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@echo "setting up $(VENV): three frameworks, two to three minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-cpu.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]' --constraint requirements-cpu.txt
	touch $@

# One network in three frameworks and the oracle, on photographs that scikit-learn ships; then the same weights with the
# stride moved to the first 1x1, which must fail, and say where.
demo: $(READY)
	$(BIN)/python -m isomorph.tools.demo

# All but what others stand for, by the rules in CONTRIBUTING.md.
test: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q --durations 20 -m 'not thorough and not exhaustive'

# And all but what `isomorph conformance run` alone runs.
test-all: test
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q --durations 20 -m 'thorough and not exhaustive'

# The core alone, on the oldest releases of what it needs.
test-lowest: $(LOWEST)/.ready
	$(LOWEST)/bin/python -m pytest -n $(JOBS) --dist worksteal -q -m 'not thorough and not exhaustive' $(CORE_TESTS)

$(LOWEST)/.ready: pyproject.toml requirements-lowest.txt
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-lowest.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[conformance]' --constraint requirements-lowest.txt
	touch $@

# Older releases of the frameworks, an environment each: gigabytes, and an hour. See docs/versions.md.
test-versions: $(READY)
	$(BIN)/python -m versions.run

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

# False alarms of the verdict by kernel of the BLAS, and the planted faults nearest to noise. See docs/noise_floors.md.
noise: $(READY)
	$(BIN)/python -m benchmarks.false_alarms
	$(BIN)/python -m benchmarks.smallest_faults

# Random mistakes of ports, planted in native networks of PyTorch: how many of them does `diagnose` name?
ports: $(READY)
	for network in torchvision/resnet50 torchvision/mobilenet_v2 torchvision/googlenet keras/ResNet50; do \
		for dtype in float64 float32; do \
			$(BIN)/python -m benchmarks.port_faults --network $$network --dtype $$dtype || exit 1; \
		done; \
	done

# Networks in three frameworks against one another, and mistakes in them: what is said of two models?
pairs: $(READY)
	for dtype in float64 float32; do \
		$(BIN)/python -m benchmarks.model_pairs --dtype $$dtype || exit 1; \
	done

# 20,000 damaged files of every checkpoint format by bytes and as many by structure, read here and by the format's own
# reader.
mutations: $(READY)
	$(BIN)/python -m mutations.run

# A few hundred small changes of meaning, planted one at a time: do the tests notice? See docs/mutants.md.
mutants: $(READY)
	$(BIN)/python -m mutants.run --jobs $(JOBS)

clean:
	rm -rf $(VENV) $(LOWEST) .versions build dist
