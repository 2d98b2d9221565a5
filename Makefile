# Everything is set up and built from here: `make demo` and `make test` need no other step.

APP := output/TA-installerscore
PYTEST_ARGS ?=

# The first Python on the PATH that UCC runs on; `make PYTHON=/path/to/python` takes another.
ifeq ($(origin PYTHON),undefined)
SUITS := import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 13))
PYTHON := $(shell for python in python3 python3.13 python3.12 python3.11 python3.10 python3.9; do \
	"$$python" -c '$(SUITS)' >/dev/null 2>&1 && echo "$$python" && break; done)
endif

BUILD_VENV := build/venv
BUILD_READY := $(BUILD_VENV)/.ready
DEV_READY := .venv/.ready
EVALUATE_READY := .venv/.evaluate
DOCS_VENV := build/docs-venv
DOCS_READY := $(DOCS_VENV)/.ready
KNOWLEDGE_VENV := build/knowledge-venv
KNOWLEDGE_READY := $(KNOWLEDGE_VENV)/.ready
UV_VERSION := 0.13.9
PIP_AUDIT_VERSION := 2.9.0
LOCK := build/lock-venv/bin/uv pip compile --quiet --universal --python-version 3.9 \
	--generate-hashes --no-annotate --custom-compile-command "make lock"
PIP_INSTALL := -m pip install --quiet --quiet --disable-pip-version-check

.PHONY: build package venv demo evaluate bench bench-accept fuzz docs knowledge splunk-apps lock audit \
	test check lint clean

build: $(BUILD_READY)
	@$(BUILD_VENV)/bin/python tools/build_app.py

package: $(BUILD_READY)
	@$(BUILD_VENV)/bin/python tools/build_app.py --package

venv: $(DEV_READY)

demo: build
	@PYTHONPATH=src:package/bin $(BUILD_VENV)/bin/python tools/demo.py --app $(APP)

# DATA names a folder of labeled events, BASELINES one with the rules to compare with.
evaluate: $(EVALUATE_READY)
	@.venv/bin/python -m evaluation $(if $(DATA),--data "$(DATA)") \
		$(if $(BASELINES),--baselines "$(BASELINES)")

# ROWS="20000 100000" chooses sizes; 10000000 is measured only when it is asked for.
bench: $(DEV_READY) build
	@.venv/bin/python -m bench $(if $(ROWS),--rows $(ROWS))

# Take the counted work as it is now for what a change may cost; tests/test_bench.py compares.
bench-accept: $(DEV_READY)
	@.venv/bin/python -m bench.counted --accept

# Hostile input in numbers (docs/reliability.md): COUNT=1000000, FIRST=<seed>, GUIDED=<seconds>,
# BUILT=<python> for the built command.
fuzz: $(DEV_READY) build
	@PYTHONPATH=tests:tools:package/bin .venv/bin/python -m protocol_fuzz \
		$(if $(COUNT),--count $(COUNT)) $(if $(FIRST),--first $(FIRST)) \
		$(if $(BUILT),--built $(BUILT)) $(if $(GUIDED),--guided $(GUIDED))

# The site, in build/site; any broken link or anchor fails it.
docs: $(DOCS_READY)
	@NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/python -m mkdocs build --strict

# pytest-splunk-addon on a Splunk: SPLUNK_HOST=... SPLUNK_PASSWORD=... SPLUNK_HEC_TOKEN=... name it,
# see docs/splunk.md. Without SPLUNK_HOST on a stand-in, as in CI.
knowledge: $(KNOWLEDGE_READY) build
	@rm -rf build/knowledge && mkdir -p build/knowledge
	@cd build/knowledge && ../knowledge-venv/bin/python -m pytest -q --junitxml=junit.xml \
		-c ../../tests/knowledge/pytest.ini --splunk-app=../../$(APP) ../../tests/knowledge

# All dashboards in Chromium, in both themes; `make test` opens a few. Needs Node.js and Chromium.
dashboards: $(DEV_READY) build
	@DASHBOARDS=all PICTURES=$(abspath build/dashboards/pictures) \
		.venv/bin/python -m pytest tests/test_dashboards_chromium.py $(PYTEST_ARGS)

# What docker/compose.yml installs: the add-on, and the app for the sample events.
splunk-apps: package
	@mkdir -p docker/apps
	@cp "$$(ls -t $(APP)-*.tar.gz | head -n 1)" docker/apps/TA-installerscore.tgz
	@tar -czf docker/apps/installerscore_sample.tgz -C docker installerscore_sample
	@echo "Wrote docker/apps; Splunk_SA_CIM.tgz from Splunkbase belongs beside them (docs/splunk.md)"

# Pin what requirements/build.in and lib.in name, and all that those need, with hashes.
lock:
	@$(call create_venv,build/lock-venv)
	@build/lock-venv/bin/python $(PIP_INSTALL) uv==$(UV_VERSION)
	@$(LOCK) requirements/build.in --output-file requirements/build.txt
	@$(LOCK) requirements/lib.in --output-file package/lib/requirements.txt

# Known vulnerabilities of what ships and of what builds it; asks the package index for them.
audit:
	@$(call create_venv,build/audit-venv)
	@build/audit-venv/bin/python $(PIP_INSTALL) pip-audit==$(PIP_AUDIT_VERSION)
	@status=0; for list in package/lib/requirements.txt requirements/build.txt; do \
		echo "Known vulnerabilities of $$list"; \
		build/audit-venv/bin/pip-audit --strict --require-hashes --disable-pip -r $$list || status=1; \
	done; exit $$status

test: $(DEV_READY) build
	@.venv/bin/python -m pytest $(PYTEST_ARGS)

lint: $(DEV_READY)
	.venv/bin/ruff check .
	.venv/bin/mypy

check: lint test docs

clean:
	rm -rf output build .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The generator changes the environment that it runs in, so it has one of its own.
$(BUILD_READY): requirements/build.txt
	@$(call create_venv,$(BUILD_VENV))
	@$(BUILD_VENV)/bin/python $(PIP_INSTALL) --require-hashes --only-binary=:all: \
		-r requirements/build.txt
	@touch $@

$(DEV_READY): requirements/dev.txt requirements/detections.txt requirements/lib.in
	@$(call create_venv,.venv)
	@.venv/bin/python $(PIP_INSTALL) -r requirements/dev.txt
	@touch $@

$(EVALUATE_READY): requirements/evaluate.txt $(DEV_READY)
	@.venv/bin/python $(PIP_INSTALL) -r requirements/evaluate.txt
	@touch $@

$(DOCS_READY): requirements/docs.txt $(DEV_READY)
	@$(call create_venv_for,$(DOCS_VENV),requirements/docs.txt)
	@touch $@

$(KNOWLEDGE_READY): requirements/knowledge.txt $(DEV_READY)
	@$(call create_venv_for,$(KNOWLEDGE_VENV),requirements/knowledge.txt)
	@touch $@

# Without a pip of its own, which would take longer to set up than all that is installed.
define create_venv_for
	echo "Setting up $(1) with $$("$(PYTHON)" --version)"; \
	"$(PYTHON)" -m venv --clear --without-pip $(1) && \
	.venv/bin/python -m pip --python $(1)/bin/python install --quiet --quiet --no-compile \
		--disable-pip-version-check -r $(2)
endef

define create_venv
	test -n "$(PYTHON)" || { \
		echo "No Python from 3.9 to 3.13 found: install one, or run make PYTHON=/path/to/python"; \
		exit 1; }; \
	echo "Setting up $(1) with $$("$(PYTHON)" --version)"; \
	"$(PYTHON)" -m venv --clear $(1)
endef
