# make demo             two clips through the real service, verdicts left in demo-out/
# make test             the linter, the types, the whole test suite
# make quick            the linter, the types, the quick tests: a few minutes
# make pythons          judges clips on every other Python that is promised
# make chaos            every fault of tests/chaos on the real service; prints what became of the jobs
# make bench            measures speed and memory, writes bench/RESULTS.md
# make schema           writes docs/verdict.schema.json from the types in record/schema.py
# make docs             writes docs/settings.md and docs/commands.md from the code
# make lock             refreshes requirements.lock
# make audit            asks an advisory service about the locked dependencies
# make clips            makes the shipped demo clips again
# make detector         trains a candidate for the bundled detector (needs the data, see docs/detector.md)
# make install-service  installs under PREFIX and starts the systemd service (as root)

PYTHON ?= python3
PREFIX ?= /opt/ddaemon
SHARED ?= ../shared

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := -m pip --disable-pip-version-check --quiet

.PHONY: demo docs test suite quick quick-suite lint types pythons chaos bench schema lock audit clips detector install-service clean venv

demo: $(STAMP)
	$(BIN)/ddaemon demo --out demo-out

# Two processes a core: most acceptance tests wait. Some of them train, and threads that wait must not
# spin, or nobody gets on. Python may keep its byte code, as it does where pip installed the package:
# a test starts many processes, of one thread each. The types are checked beside the tests: mypy keeps
# one core busy.
JOBS ?= $(shell expr 2 \* $$(nproc))
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 \
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder

test: $(STAMP)
	$(MAKE) --jobs 3 lint types suite

suite: $(STAMP)
	$(PYTEST)

# What a contributor runs between two edits.
quick: $(STAMP)
	$(MAKE) --jobs 3 lint types quick-suite

quick-suite: $(STAMP)
	$(PYTEST) -m "not slow" tests/unit tests/house

# PYTHONS names some of them; without it the classifiers in pyproject.toml do.
pythons: $(STAMP)
	$(PYTHON) -m venv $(VENV)-uv
	$(VENV)-uv/bin/python $(PIP) install uv
	$(BIN)/python .ci/pythons.py $(VENV)-uv/bin/uv $(PYTHONS)

docs: $(STAMP)
	$(BIN)/python -m ddaemon.cli.reference docs

chaos: $(STAMP)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m ddaemon.tests.chaos --out build/chaos.md

# Python may keep its byte code, as it does where pip installed the package.
bench: $(STAMP)
	PYTHONDONTWRITEBYTECODE= OMP_WAIT_POLICY=PASSIVE TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python bench/suite.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Types are checked in the package as pip installs it: that is what users import, without what lies
# beside it here. bench/ runs seldom, so its types must say when it no longer fits.
types: $(STAMP)
	rm -rf build/lib build/site
	$(BIN)/python -c 'import setuptools; setuptools.setup()' --quiet build --build-lib build/site
	cd build/site && MYPYPATH=.:../../bench ../../$(BIN)/mypy --config-file ../../pyproject.toml \
		--cache-dir ../mypy --package ddaemon $(patsubst bench/%.py,--module %,$(wildcard bench/*.py))

venv: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) install --require-hashes --no-deps -r requirements.lock
	$(BIN)/python $(PIP) install --no-deps --no-build-isolation --no-index --editable .
	touch $(STAMP)

schema: $(STAMP)
	$(BIN)/python -m ddaemon.record.json_schema docs/verdict.schema.json

# One version of each library for all Pythons ("fewest"): else the newer ones would get a major
# version that no test ever saw.
lock:
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python $(PIP) install uv
	$(VENV)-lock/bin/uv pip compile --quiet --universal --upgrade --generate-hashes \
		--fork-strategy fewest --no-emit-index-url --python-version 3.11 --extra cpu --extra lite0 --extra chat --extra postgres --extra dev \
		--custom-compile-command "make lock" --output-file requirements.lock pyproject.toml
	rm -rf $(VENV)-lock

# pip-audit has dependencies of its own, which the product's environment must not have.
audit:
	$(PYTHON) -m venv $(VENV)-audit
	if $(VENV)-audit/bin/python $(PIP) install pip-audit; then \
		$(VENV)-audit/bin/python .ci/audit.py $(VENV)-audit/bin/pip-audit requirements.lock; \
	else echo "audit: NOTHING WAS AUDITED: pip-audit can't be installed from here"; fi
	rm -rf $(VENV)-audit

clips: $(STAMP)
	$(BIN)/python -m ddaemon.training.forgery.clips stages/data

# The last recipe averages what the ones before it made. Broken off, it goes on where it was.
detector: $(STAMP)
	for name in lite0-base lite0-crossed lite0-sequence; do \
		run=build/detector/$$name; \
		OMP_WAIT_POLICY=PASSIVE $(BIN)/ddaemon --home build/detector train $(SHARED)/data/dfdc-faces \
			--recipe docs/recipes/$$name.toml --weights $(SHARED)/detectors/lite0-v0/weights.npz \
			$$(test $$name = lite0-sequence && echo --registry build/detector/new) \
			--name $$name --out $$run $$(test -e $$run/run.json && echo --resume) || exit 1; \
	done

# PYTHON must be one that every user can run: one below somebody's home can't serve.
install-service: BASE_PREFIX := $(PREFIX)/bin/python -c 'import sys; print(sys.base_prefix)'
install-service: AS_SERVICE := setpriv --reuid ddaemon --regid ddaemon --init-groups
install-service:
	install -d $(PREFIX) /etc/systemd/system /usr/lib/sysusers.d /usr/lib/tmpfiles.d
	install -m 644 systemd/ddaemon.sysusers.conf /usr/lib/sysusers.d/ddaemon.conf
	install -m 644 systemd/ddaemon.tmpfiles.conf /usr/lib/tmpfiles.d/ddaemon.conf
	sed 's|/opt/ddaemon|$(PREFIX)|' systemd/ddaemon.service > /etc/systemd/system/ddaemon.service
	systemd-sysusers ddaemon.conf
	systemd-tmpfiles --create ddaemon.conf
	$(PYTHON) -m venv $(PREFIX)
	test "$$($(AS_SERVICE) $(BASE_PREFIX))" = "$$($(BASE_PREFIX))" || { echo "the user ddaemon \
	can't use $(PYTHON); try: make install-service PYTHON=/usr/bin/python3"; exit 1; }
	$(PREFIX)/bin/python $(PIP) install --require-hashes --no-deps -r requirements.lock
	$(PREFIX)/bin/python $(PIP) install --no-deps --no-build-isolation --no-index .
	$(AS_SERVICE) $(PREFIX)/bin/ddaemon --home /var/lib/ddaemon init
	systemctl daemon-reload
	systemctl enable --now ddaemon.service

clean:
	rm -rf $(VENV) $(VENV)-* build demo-out *.egg-info .mypy_cache .ruff_cache .pytest_cache
