# Everything here creates what it needs with nothing but python3, git and the package registries.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test test-fast test-browser test-delays mutants check style types layers spelling fix bench programs lock generate vendor pictures clean

demo: $(STAMP)  ## The whole story on this machine; DEMO_ARGS=--exit ends after it
	$(BIN)/gitops-agent demo $(DEMO_ARGS)

test: $(STAMP)  ## Everything CI runs: style, types, layers, then all tests on the real control plane
	$(MAKE) -j2 check programs
	$(BIN)/pytest -n 2 $(PYTEST_ARGS)

test-fast: $(STAMP)  ## Neither the control plane nor slow tests, and few cases of each property; two minutes
	$(BIN)/pytest -q -n 2 -m "not cluster and not slow" --hypothesis-profile=quick $(PYTEST_ARGS)

test-browser: $(STAMP)  ## The page of the dashboard in a real Chromium
	$(BIN)/pytest -q -m browser tests/server/web $(PYTEST_ARGS)

test-delays: $(STAMP)  ## Tests with pauses where threads meet, to find what relies on luck; PYTEST_ARGS="tests/agent"
	$(BIN)/python -m pytest -n 3 -p tests.delays $(PYTEST_ARGS)

mutants: $(STAMP)  ## Changes the pure core in one place at a time; lists what no test notices. MUTANTS_ARGS=--help
	$(BIN)/python -m tests.mutants $(MUTANTS_ARGS)

check: style types layers spelling  ## Style, types, layers, spelling

style: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

layers: $(STAMP)
	$(BIN)/lint-imports --no-logo

spelling: $(STAMP)
	$(BIN)/codespell gitops_agent tests docs deploy examples benchmarks README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md

fix: $(STAMP)  ## Formats the code, and corrects what ruff can correct by itself
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(STAMP)  ## The figures of docs/benchmarks.md, as ratios to a floor measured in the same run
	$(MAKE) programs
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

programs: $(STAMP)  ## All that tests and figures use of other projects; after it they need no network
	$(BIN)/gitops-agent tools install --all
	$(BIN)/python -m benchmarks.published

generate: $(STAMP)  ## CRDs and reference pages from the code
	$(BIN)/python -m gitops_agent.api.crd deploy/base/crds
	$(BIN)/python -m gitops_agent.docsgen.chart deploy/chart
	$(BIN)/python -m gitops_agent.docsgen.resources docs/reference
	$(BIN)/python -m gitops_agent.docsgen.commands docs/reference
	$(BIN)/python -m gitops_agent.docsgen.openapi docs/reference

vendor: $(STAMP)  ## Fetches the JavaScript modules that vendor.json pins; needs npm
	$(BIN)/python -m gitops_agent.docsgen.vendoring gitops_agent/server/web/vendor

pictures: $(STAMP)  ## The pictures of the dashboard in the documentation, from the demo; minutes
	$(BIN)/python -m tests.server.web.pictures docs/images

lock: $(STAMP)  ## Resolves the dependencies anew, with hashes
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile -q pyproject.toml --extra dev --extra traffic --upgrade --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--python-version 3.11 --universal --annotation-style line -o requirements/dev.lock
	$(BIN)/uv pip compile -q pyproject.toml --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--python-version 3.11 --universal --annotation-style line -c requirements/dev.lock -o requirements/runtime.lock
	$(BIN)/uv pip compile -q pyproject.toml --extra otel --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--python-version 3.11 --universal --annotation-style line -c requirements/dev.lock -o requirements/tracing.lock
	$(BIN)/uv pip compile -q pyproject.toml --extra sigstore --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--python-version 3.11 --universal --annotation-style line -c requirements/dev.lock -o requirements/sigstore.lock

$(STAMP): requirements/dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

clean:  ## Removes what was built here; the tool cache stays
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
