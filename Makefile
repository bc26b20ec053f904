# `make test` and `make gate` are all there is to know; each first sets up .venv, once. `make docs` builds the site.
#   make gate ARGS="-v --lf"     adds arguments of pytest
#   make PYTHON=python3.12 …     makes .venv with another Python, 3.11 or later

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin

# Hundreds of processes of the tests import the package by pytest, which rewrites its assertions anew in each (1.7 s)
# unless it may keep what it made.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: test gate docs

test: .venv/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@# Processes fill the cores; threads beside them only wait for each other (89 s against 146 s on two cores).
	OMP_NUM_THREADS=1 $(BIN)/pytest -rfEs --doctest-modules -n logical --maxprocesses 8 $(ARGS)

gate: .venv/ready
	$(BIN)/pytest model_specs/ -m gpu $(ARGS)

# Material says in every build when it ends; constraints of the extra say which version is taken.
docs: .venv/ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "open site/index.html"

# A PyTorch that .venv has, or that the Python beneath it has, stays as it is; otherwise constraints.txt pins one.
# The version that pip knows is asked for, not torch.__version__, which says +cu130 where pip knows of none.
TORCH := import importlib.metadata, torch; \
	from pip._vendor.packaging.version import Version; \
	version = importlib.metadata.version("torch"); \
	assert Version(version) >= Version("2.10"); \
	print(f"torch=={version}")

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is %d.%d: make PYTHON=python3.12 …" \
	% sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@if ! test -x $(BIN)/pip; then \
	    echo "making .venv with $$($(PYTHON) --version)"; \
	    $(PYTHON) -m venv --clear --system-site-packages .venv && \
	    { $(BIN)/python -c '$(TORCH)' >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv; }; \
	fi
	@$(BIN)/python -c '$(TORCH)' >.venv/constraints.txt 2>/dev/null || cp constraints.txt .venv/constraints.txt
	@echo "installing with $$(grep ^torch .venv/constraints.txt)"
	$(BIN)/pip install --quiet --disable-pip-version-check -c .venv/constraints.txt -e '.[dev]'
	@touch $@
