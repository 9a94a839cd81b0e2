# Every target sets up what it needs in .venv, from the pinned versions of requirements.lock.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= runs/demo-$(shell date +%Y%m%d-%H%M%S)
BENCH_OUT ?= runs/bench-$(shell date +%Y%m%d-%H%M%S)
# In which the tests load saved models: tests/models/test_older_keras.py
OLD_KERAS := 3.5.0 3.10.0

.PHONY: demo test test-browser check format bench proof benchmarks soak audit mutate lock

demo: .venv/installed ## Render, train, refine, score, draw: a first look; DEMO=--full for all of it
	$(BIN)/simgan demo --out $(OUT) $(DEMO)

test: .venv/installed .venv-old-keras/installed ## All tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal

test-browser: .venv/installed-browser ## The page of simgan turing in a real browser; installs chromium if there is none
	tests_browser/install_browser.sh
	$(BIN)/python -m pytest tests_browser

check: .venv/installed ## Format, lint, types, import order
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed ## Format and fix what can be fixed
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: .venv/installed .venv-textbook/installed ## Against the textbook loop in Keras and TensorFlow (up to 15 minutes)
	$(BIN)/python -m benchmarks.bench --out $(BENCH_OUT)

proof: .venv/installed ## Every figure of docs/results.md; hours, resumable. PHOTOGRAPHS=DIR adds your eyes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/proof-requirements.txt
	$(BIN)/python -m benchmarks.proof $(if $(PHOTOGRAPHS),--photographs $(PHOTOGRAPHS))

benchmarks: .venv/installed ## Refined images against free alternatives, on public digits too: docs/benchmarks.md; hours, resumable. USPS=FILE adds USPS
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r benchmarks/benchmarks-requirements.txt
	$(BIN)/python -m benchmarks.benchmarks $(if $(USPS),--usps $(USPS))

soak: .venv/installed ## Kills, damaged files, a million images, 20 minutes of training: docs/reliability.md (half an hour to an hour)
	$(BIN)/python -m soak

audit: .venv-audit/installed ## Known vulnerabilities of the pinned versions, if an advisory source can be reached
	.venv-audit/bin/python tools/audit.py

mutate: .venv/installed-mutate ## Small changes to the code: does a test notice each? MODULES="training/budget training/history" takes only these
	$(BIN)/python tools/mutate.py $(MODULES)

lock: ## Write requirements.lock anew from pyproject.toml, with the newest versions
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet torch==2.13.0
	.venv-lock/bin/python -m pip install --quiet . hypothesis import-linter mypy pre-commit pytest pytest-xdist ruff
	.venv-lock/bin/python -m pip freeze --exclude simgan | sed 's/+cpu$$//' > requirements.lock
	rm -rf .venv-lock

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "simgan needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

.venv/installed-browser: .venv/installed requirements-browser.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-browser.txt
	touch $@

.venv-old-keras/installed: .venv/installed # Keras alone, a few MB: it runs on the other packages of .venv
	for release in $(OLD_KERAS); do \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade \
			--target .venv-old-keras/$$release keras==$$release || exit 1; \
	done

.venv/installed-mutate: .venv/installed tools/mutate-requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tools/mutate-requirements.txt
	touch $@

.venv-textbook/installed: benchmarks/textbook-requirements.txt
	$(PYTHON) -m venv .venv-textbook
	.venv-textbook/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/textbook-requirements.txt
	touch $@

.venv-audit/installed: tools/audit-requirements.txt
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check -r tools/audit-requirements.txt
	touch $@
