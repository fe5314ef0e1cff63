# Every target sets itself up: it needs Python 3.11 or newer, make and a package index, no more.
# Another interpreter: make PYTHON=python3.12 ...   Another folder for it: make VENV=/tmp/env ...

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
CORPUS ?= .corpus

BIN := $(VENV)/bin
READY := $(VENV)/.ready
CODE := optlint rules tests benchmarks tooling

.PHONY: help demo test lint format tables bench bench-reference bench-verdicts bench-rules bench-growth bench-mutate bench-peers picture corpus corpus-fixes ledger wheel clean

help:
	@echo "make demo          check, mend and check again three small training projects"
	@echo "make test          run the tests"
	@echo "make lint          ruff, mypy, import contracts, and optlint on itself"
	@echo "make format        let ruff format the code"
	@echo "make tables        write the tables of torch from the installed one (RELEASES: sources of older ones)"
	@echo "make wheel         build the wheel and the source distribution into dist/"
	@echo "make corpus        fetch the published packages that optlint is tried on ($(CORPUS)/)"
	@echo "make ledger        compare the findings on the corpus with the judged ones"
	@echo "make corpus-fixes  try every fix on the corpus, one by one"
	@echo "make bench         measure optlint beside TorchFix, Fixit and ruff"
	@echo "make bench-reference  measure the reference beside torch.optim"
	@echo "make bench-verdicts   measure the verifier: its verdicts on the corpus, and their cost"
	@echo "make bench-rules   measure what the rules cost: all of them beside a half, and each for itself"
	@echo "make bench-growth  measure what checking costs now beside what it did with sixteen rules"
	@echo "make bench-mutate  inject each rule's misuse into right programs: what is found, and what is mended"
	@echo "make bench-peers   count the faults that other tools report of the same programs"
	@echo "make picture       make the README's picture of a verdict anew (needs Chromium)"
	@echo "make clean         delete what these made, but for the corpus and the environments"

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "optlint needs Python 3.11 or newer, and $(PYTHON) is %d.%d: make PYTHON=..." % sys.version_info[:2])'
	@test -x $(BIN)/python || { echo "Creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing optlint and the development tools into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"  # knows dependency groups
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

demo: $(READY)
	@$(BIN)/python demo/run.py

test: $(READY)
	@$(BIN)/python -m pytest -n $(JOBS) $(PYTEST_ARGS)

lint: $(READY)
	$(BIN)/ruff check --no-cache  # what is first party depends on files that its cache does not know
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/optlint check $(CODE)

format: $(READY)
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

tables: $(READY)
	@$(BIN)/python tooling/torch_tables.py $(if $(RELEASES),--releases $(RELEASES))

bench: $(READY) corpus
	@$(BIN)/python benchmarks/speed.py $(CORPUS)

bench-reference: $(READY)
	@$(BIN)/python benchmarks/reference.py

bench-verdicts: $(READY) corpus
	@$(BIN)/python benchmarks/verdicts.py $(CORPUS)

bench-rules: $(READY) corpus
	@$(BIN)/python benchmarks/rule_cost.py $(CORPUS)

bench-growth: $(READY) corpus
	@$(BIN)/python benchmarks/growth.py $(CORPUS)

bench-mutate: $(READY) corpus
	@cd benchmarks && $(abspath $(BIN))/python -m mutate $(abspath $(CORPUS)) --jobs $(JOBS)

bench-peers: $(READY)
	@$(BIN)/python benchmarks/peers.py

picture: $(READY)
	@$(BIN)/python tooling/verdict_picture.py

corpus: $(READY)
	@$(BIN)/python benchmarks/corpus.py $(CORPUS)

ledger: $(READY) corpus
	@$(BIN)/python benchmarks/ledger.py $(CORPUS)

corpus-fixes: $(READY) corpus
	@$(BIN)/python benchmarks/fixes.py $(CORPUS)

wheel: $(READY)
	@rm -rf dist
	@$(BIN)/python -m build --outdir dist .

clean:
	@rm -rf build dist .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find $(CODE) demo -type d -name __pycache__ -prune -exec rm -rf {} +
