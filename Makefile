# Everything anyone does with the course. `make` alone lists it.
#
# The first target that needs it makes the environment .venv; after that nothing is downloaded.
#   make PYTHON=python3.12 …         another interpreter for the environment (3.11 or newer)
#   make BIN=$CONDA_PREFIX/bin …     an environment you made yourself, for example with conda
#   PIP_EXTRA_INDEX_URL=… make …     pip's own variables are respected. On Linux, PyTorch's index of
#                                    CPU-only wheels saves some gigabytes of CUDA libraries.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
WORKERS ?= 2
# The assignment a target is about: make grade A=a02_convolution
A ?=
# The lecture a target is about: make perturb L=03
L ?=
RUNS ?= 20
# What to make: make new N=05_batchnorm
N ?=
FLAGS ?=

ifdef BIN
INSTALLED :=
else
BIN := .venv/bin
INSTALLED := .venv/.installed
endif
COURSEKIT := $(BIN)/coursekit
PIP_INSTALL := $(BIN)/python -P lib/coursekit/installing.py
NEEDS_L = @test -n "$(L)" || { echo "Which lecture? For example: make $@ L=03"; exit 2; }
NEEDS_A = @test -n "$(A)" || { echo "Which assignment? For example: make $@ A=a02_convolution"; exit 2; }

.PHONY: help lab test test-all check lint demo new notebooks results perturb release grade feedback report similar export site bench bench-grading hostile mistakes check-env clean

help: ## list the targets
	@echo "make …"
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

lab: $(INSTALLED) ## JupyterLab on the course; flags: make lab FLAGS="--no-browser --port=9999"
	@$(COURSEKIT) lab -- $(FLAGS)

demo: $(INSTALLED) ## grade a class of sample students in ./demo, from release to feedback
	@$(COURSEKIT) demo

# The variable lets the slowest proofs, known solutions graded three ways, take a sample that has each
# kind of cell, check and solution once. `make check` takes one of each assignment.
PYTEST = OMP_NUM_THREADS=1 PYTHONHASHSEED=0 $(BIN)/python -m pytest tests course solutions -q \
	    -n $(WORKERS) -p tests.spread --dist loadscope --nbval --nbval-current-env --nbval-cell-timeout 120

test: $(INSTALLED) lint ## everything CI runs, about a quarter of an hour on two cores
	@echo "Tests, lectures and solutions on $(WORKERS) workers; about a quarter of an hour."
	@COURSE_SAMPLE=course $(PYTEST) --timeout 600

test-all: $(INSTALLED) lint ## the same, with every known solution graded three ways; half an hour
	@$(PYTEST) --timeout 3600

check: $(INSTALLED) ## prove one lecture and its assignment, in two minutes: make check L=05
	$(NEEDS_L)
	@$(COURSEKIT) check $(L) --workers $(WORKERS)

lint: $(INSTALLED) ## style of code and notebooks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

new: $(INSTALLED) ## begin a lecture or an assignment: make new N=05_batchnorm, N=a05_batchnorm
	@test -n "$(N)" || { echo "Which one? For example: make new N=05_batchnorm"; exit 2; }
	@$(COURSEKIT) new $(N)

notebooks: $(INSTALLED) ## run the lectures in fresh kernels and store what they print and draw
	@$(COURSEKIT) notebooks

results: $(INSTALLED) ## run a lecture's larger experiments, as far as not stored: make results L=03
	$(NEEDS_L)
	@$(COURSEKIT) results $(L) --workers $(WORKERS) $(FLAGS)

perturb: $(INSTALLED) ## which asserts of a lecture outlast rounding: make perturb L=03 RUNS=5
	$(NEEDS_L)
	@$(COURSEKIT) perturb $(L) --runs $(RUNS) --workers $(WORKERS) $(FLAGS)

release: $(INSTALLED) ## build and verify the student notebooks (all, or A=a02_convolution)
	@$(COURSEKIT) release $(A)

grade: $(INSTALLED) ## grade everything handed in: make grade A=a02_convolution FLAGS=--help
	$(NEEDS_A)
	@$(COURSEKIT) grade $(A) $(FLAGS)

feedback: $(INSTALLED) ## write the HTML feedback: make feedback A=a02_convolution FLAGS=--help
	$(NEEDS_A)
	@$(COURSEKIT) feedback $(A) $(FLAGS)

report: $(INSTALLED) ## what the class did, as a page: make report A=a02_convolution
	$(NEEDS_A)
	@$(COURSEKIT) report $(A)

similar: $(INSTALLED) ## which submissions look alike: make similar A=a02_convolution
	$(NEEDS_A)
	@$(COURSEKIT) similar $(A)

export: $(INSTALLED) ## grades for import: make export A=a02_convolution FLAGS="--to canvas"
	$(NEEDS_A)
	@$(COURSEKIT) export $(A) $(FLAGS)

site: $(INSTALLED) ## lectures and guides as pages that need no network: build/site/index.html
	@$(COURSEKIT) site

bench-grading: $(INSTALLED) ## speed of grading beside nbgrader's own, on a made-up class
	@$(BIN)/python -m benchmarks.grading $(FLAGS)

bench: $(INSTALLED) ## speed of the library beside PyTorch
	@$(BIN)/python -m benchmarks

hostile: $(INSTALLED) ## hostile submissions: expected, got, stopped by (some: FLAGS=forging)
	@$(BIN)/python -m tests.hostile $(FLAGS)

mistakes: $(INSTALLED) ## known wrong and right solutions, and the points each one earns
	@$(COURSEKIT) mistakes

check-env: ## what is wrong with this installation, in plain words
	@if test -x $(BIN)/python; then $(BIN)/python lib/coursekit/doctor.py; \
	 else $(PYTHON) lib/coursekit/doctor.py; fi

clean: ## remove what tests and the demo leave behind; submissions and grades stay
	@rm -rf build demo .pytest_cache .ruff_cache .hypothesis
	@find . -path ./.venv -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) \
	    -type d -print0 | xargs -0 rm -rf

# One environment for everything. Torch comes first and alone: it is nine tenths of the download.
.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Python 3.11 or newer is needed, '$(PYTHON)' is $$($(PYTHON) -V 2>&1)."; \
	    echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "This Python cannot make environments: its venv module is missing."; \
	    echo "On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "Making the environment .venv with $$($(PYTHON) -V) (once)."
	@.venv/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv || { \
	    echo "The environment could not be made. Is there room on this disk?"; df -h .; exit 1; }
	@torch=$$(grep '^torch==' constraints.txt); \
	 echo "[1/2] $$torch: 0.2 to 3 GB, some minutes …"; $(PIP_INSTALL) "$$torch"
	@echo "[2/2] JupyterLab, nbgrader and the rest: about 170 MB, a minute or two …"
	@$(PIP_INSTALL) -c constraints.txt -e '.[test]'
	@touch $@
	@echo "The environment is ready."
