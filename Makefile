# Every target sets itself up: .venv is made from requirements.lock, and again when the lock or pyproject.toml changes.
# Another Python: make demo PYTHON=python3.12. Another port: make ui PORT=4000. More test processes: make test JOBS=8.

.DEFAULT_GOAL := help
.PHONY: demo demo-data demo-failure ui test test-all kill-test check compare bench bench-aiop bench-move bench-pairs fmt lock \
  clean help

BIN := .venv/bin
READY := .venv/ready
PORT ?= 3000
JOBS ?= 3
SPREAD := -p tests.cpu_by_folder -n $(JOBS) --dist loadfile --no-loadscope-reorder
BELOW_DRIVERS := osiris_dagster/oml/*,osiris_dagster/specs/*,osiris_dagster/*.py
ABOVE := osiris_dagster/definitions.py,osiris_dagster/loading.py

demo: demo-data ## Run two pipelines on real flight data
	@$(BIN)/python examples/demo.py run

demo-data: $(READY) ## Fill data/ops.duckdb, which the pipelines of the demo read
	@$(BIN)/python examples/seed.py

demo-failure: demo-data ## Run a pipeline that fails and show what it leaves
	@$(BIN)/python examples/demo.py failure

ui: demo-data ## Open the Dagster UI on the demo
	@$(BIN)/python examples/demo.py ui $(PORT)

test: $(READY) ## Run the tests; branch coverage has a floor
	@sh tools/servers.sh
	@$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(SPREAD)
	@$(BIN)/coverage combine -q
	$(BIN)/coverage report --format=total --fail-under=80
	$(BIN)/coverage report --format=total --fail-under=90 \
	  --include='$(BELOW_DRIVERS)' --omit='$(ABOVE)'

test-all: $(READY) ## Run the generated cases in full, of which `make test` takes a sample
	@sh tools/servers.sh
	OSIRIS_TEST_MATRIX=full $(BIN)/python -m pytest -m matrix $(SPREAD)

kill-test: $(READY) ## Kill writes at random moments, 25 times each, and retry them
	OSIRIS_KILLS=25 $(BIN)/python -m pytest tests/kills -p no:cacheprovider

check: $(READY) ## Check style, types, layers, layout and the generated pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python docs/generate.py --check
	$(BIN)/python -m pytest tests/test_layout.py tests/layout

compare: $(READY) ## Compare with another checkout: make compare OLD=../main [ARGS=--faults]
	@test -n "$(OLD)" || { echo "which checkout? make compare OLD=../main" >&2; exit 2; }
	@sh tools/servers.sh
	$(BIN)/python tools/compare.py $(OLD) . $(ARGS)

bench: $(READY) ## Measure against hand-written code; prints a table of ratios
	$(BIN)/python bench

bench-move: $(READY) ## Measure rows moving between databases and files, against other tools
	@sh tools/servers.sh
	$(BIN)/python bench/move.py
	$(BIN)/python bench move_mysql move_across move_memory

bench-aiop: $(READY) ## Measure packages: builder, gates, long logs, waiting runs, delay with the UI
	$(BIN)/python bench aiop

bench-pairs: $(READY) ## Measure against another checkout, in turn: make bench-pairs OLD=path [BENCHES=names]
	$(BIN)/python bench --pairs $(OLD) $(BENCHES)

fmt: $(READY) ## Format and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## Resolve the dependencies again (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --quiet --output-file requirements.lock
	@! grep -n '://' requirements.lock

clean: ## Remove the environment, what runs have made and every cache
	rm -rf .venv data output build aiop .osiris dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name text; do \
	  printf '  make %-14s%s\n' "$$name" "$$text"; done

$(READY): requirements.lock pyproject.toml tools/setup.sh
	@sh tools/setup.sh
