# `make matrix` and `make test` do all the set-up they need in .venv.
PYTHON ?= python3
CORES ?= all
BIN := .venv/bin
RUN := env PATH="$(CURDIR)/$(BIN):$$PATH"

.DEFAULT_GOAL := help
.PHONY: help matrix test test-full test-slurm test-chaos chaos check format plan bench clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("dfprobe needs Python 3.11 or newer, this is %d.%d. Say: make PYTHON=python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[test,check]'
	touch $@

matrix: .venv/installed ## the default run: demo corpora, 19 rows, the matrix
	$(RUN) snakemake --cores $(CORES)

# One worker per core; more than eight gain nothing and need memory.
test: .venv/installed ## all tests but those of the next four targets, in ten minutes on two cores
	$(RUN) python -m pytest --ignore tests/chaos --numprocesses logical --maxprocesses 8 --dist worksteal

test-full: .venv/installed ## the encoders at full size (10 minutes, 20 GB of memory, 10 GB of TMPDIR)
	$(RUN) OMP_NUM_THREADS=$$(nproc) python -m pytest tests/full_size -p no:randomly

# In an environment of its own, on top of .venv: where SLURM's programs are installed, the
# plugin asks for a controller whenever Snakemake starts.
.venv-slurm/installed: .venv/installed
	$(BIN)/python -m venv .venv-slurm
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
		> "$$(.venv-slurm/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/base.pth"
	.venv-slurm/bin/pip install --quiet --constraint constraints.txt --editable '.[cluster]'
	touch $@

test-slurm: .venv-slurm/installed ## a run on a SLURM cluster of one node, made for the test (as root)
	env PATH="$(CURDIR)/.venv-slurm/bin:$(CURDIR)/$(BIN):$$PATH" \
		python -m pytest tests/slurm -p no:randomly -rs

test-chaos: .venv/installed ## faults alone: kills, full disks, damaged files
	$(RUN) python -m pytest tests/chaos -p no:randomly

chaos: .venv/installed ## 100 times kill -9 in the middle of a run
	$(RUN) env CHAOS_KILLS=100 python -m pytest tests/chaos/test_kills.py

check: .venv/installed ## format, lint, types, import contracts, workflow lint, known vulnerabilities
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) snakefmt --check Snakefile workflow
	$(RUN) snakemake --lint
	$(RUN) python .ci/audit_packages.py

format: .venv/installed ## rewrite the sources in the project's format
	$(RUN) ruff format .
	$(RUN) ruff check --fix .
	$(RUN) snakefmt Snakefile workflow

plan: .venv/installed ## what the next run would do, and why
	$(RUN) snakemake --dry-run

bench: matrix ## what is claimed about speed, into benchmarks/RESULTS.md (hours)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(RUN) python benchmarks/results.py

clean: ## remove everything that was made, but for the environment
	rm -rf results/* .snakemake
	git checkout -- results/README.md
