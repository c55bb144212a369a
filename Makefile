# Everything runs in .venv, which is made from requirements.lock when it is missing or out of date.
PYTHON ?= python3
.DEFAULT_GOAL := help
.PHONY: help environment paper quick sweep site explore lab archive verify notebooks test test-slow reruns mutants lint bench machines lock clean distclean

VENV := . workflow/surroundings.sh &&
RICH := python -m snakemake --logger=rich
SNAKEMAKE := $(VENV) $(RICH) --profile workflow/profiles/default
# Which build the pages, the archive and the proof are of: paper or quick.
CONFIG = paper
ifneq ($(CONFIG),paper)
ifneq ($(CONFIG),quick)
$(error CONFIG=$(CONFIG) is no build: say CONFIG=paper or CONFIG=quick)
endif
endif
ARCHIVE = results/$(CONFIG)/nearopt.zip
NOTEBOOKS := $(wildcard notebooks/*.py)
PROFILE = default
# What make explore shows beside its own: a name, or file.py:name.
ACTIVATION =
# The shell takes these from its environment, so that no value of theirs is run as a command.
export PYTHON SWEEP PROFILE ARCHIVE ACTIVATION

# Two at a time, on one thread each, whole files together: they share builds and kernels.
PYTEST := $(VENV) OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m pytest \
  --numprocesses 2 --dist loadfile --no-loadscope-reorder

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' $(MAKEFILE_LIST) | awk -F': ' '{printf "make %-12s %s\n", $$1, $$2}'

environment: ## make .venv with every package of requirements.lock
	@sh workflow/environment.sh .venv requirements.lock

paper: environment ## run all notebooks at full size and typeset results/paper/paper.pdf
	@$(SNAKEMAKE) --configfile config/paper.yaml
	@$(VENV) python workflow/claims.py results/paper/claims.json

quick: environment ## the same soon, at small sizes, results/quick/paper.pdf
	@$(SNAKEMAKE) --configfile config/quick.yaml
	@$(VENV) python workflow/claims.py results/quick/claims.json

sweep: environment ## rerun a notebook on the grid of config/sweeps/SWEEP.yaml, with PROFILE=slurm on a cluster
	@$(VENV) $(if $(filter default,$(PROFILE)),$(RICH),python -m snakemake) sweep \
	  --profile "workflow/profiles/$$PROFILE" --config "sweep=$$SWEEP"
	@echo "Table and figure: results/paper/sweeps/$$SWEEP/"

notebooks: environment ## run the notebooks again and store their outputs in notebooks/
	@for notebook in $(NOTEBOOKS); do \
	  $(VENV) python workflow/run_notebook.py "$$notebook" --logs logs/notebooks || exit 1; done

site: $(CONFIG) ## the same build as pages to read, results/paper/site (CONFIG=quick for small sizes)
	@$(VENV) python workflow/pages.py results/$(CONFIG)

explore: environment ## open an app with sliders for spectrum, rank and loss of any network
	@$(if $(ACTIVATION),$(VENV) python explore/panels.py "$$ACTIVATION")
	@$(VENV) JUPYTER_PATH="$$here/explore" OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m voila \
	  --template=offline --MappingKernelManager.cull_idle_timeout=600 --MappingKernelManager.cull_interval=60 \
	  --VoilaConfiguration.extension_allowlist=@jupyter-widgets/jupyterlab-manager \
	  --VoilaConfiguration.extension_allowlist=@voila-dashboards/widgets-manager8 $(VOILA) explore/explore.ipynb

lab: environment ## open the notebooks in JupyterLab, each to run from top to bottom
	@$(VENV) python workflow/sources.py $(NOTEBOOKS)
	@$(VENV) python -m jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) --LabApp.default_url=/lab/tree/notebooks $(LAB)

archive: environment ## pack that build, its sources and where all is from, results/paper/nearopt.zip
	@$(VENV) python workflow/archive.py
	@$(MAKE) --no-print-directory $(CONFIG)
	@$(VENV) python workflow/archive.py results/$(CONFIG)

verify: environment ## check every file of ARCHIVE=...; with RERUN=yes also run its sources and compare
	@$(VENV) python workflow/verify.py "$$ARCHIVE" $(if $(filter yes,$(RERUN)),--rerun)

lint: environment ## check format and style, notebooks included
	@$(VENV) ruff format --check .
	@$(VENV) ruff check .
	@$(VENV) lint-imports

test: lint ## everything that must hold, in minutes
	@$(PYTEST) --nbval --nbval-current-env notebooks tests

test-slow: environment ## fresh environments and other long tests
	@$(PYTEST) -m slow tests

reruns: environment ## rerun every notebook small, at other seeds and the edges of the schema (half an hour)
	@$(VENV) python workflow/reruns.py $(RERUNS)

mutants: environment ## change the formulas of lib a token at a time, see tests fail, list what lives (an hour)
	@mkdir -p .mutants && ln -sfn ../lib .mutants/src && ln -sfn ../tests ../pyproject.toml .mutants
	@$(VENV) cd .mutants && unset PYTHONPATH && ulimit -v 6291456 && \
	  export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 && nice mutmut run $(MUTANTS) && mutmut results

bench: ## time the library beside other tools in .venv-bench, write docs/benchmarks.* (20 minutes)
	@sh workflow/environment.sh .venv-bench benchmarks/requirements.lock benchmarks/torch.txt
	@.venv-bench/bin/python benchmarks/run.py docs

machines: environment ## compare main results with those of the oldest and newest Python and packages allowed
	@$(VENV) folder=$$(mktemp -d) && trap 'rm -r "$$folder"' EXIT && python tests/faults/main_results.py > "$$folder/here" && \
	for python in 3.11 3.13; do for packages in lowest-direct highest; do \
	  uv pip compile --quiet --no-header --python-version $$python --resolution $$packages \
	    --extra plots --extra files pyproject.toml --output-file "$$folder/$$python-$$packages.txt" && \
	  printf "Python $$python, $$packages, " && PYTHONPATH=lib uv run --quiet --isolated --no-project \
	    --python $$python --with-requirements "$$folder/$$python-$$packages.txt" \
	    python tests/faults/main_results.py "$$folder/here" || exit 1; done; done

COMPILE := env -u UV_FIND_LINKS uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-header --no-annotate

lock: environment ## resolve requirements.lock, constraints.txt and benchmarks/requirements.lock anew
	$(VENV) $(COMPILE) --all-extras pyproject.toml --output-file requirements.lock
	sed -n 's/^\([a-z0-9].*==.*[^ \\]\) *\\$$/\1/p' requirements.lock > constraints.txt
	grep -v '^mpmath=' constraints.txt > benchmarks/.constraints.partial
	$(VENV) printf 'torch\ntorchvision\n' | $(COMPILE) --constraint benchmarks/.constraints.partial --excludes - \
	  --extra plots --extra files pyproject.toml benchmarks/requirements.in --output-file benchmarks/requirements.lock
	rm benchmarks/.constraints.partial

clean: ## remove results and logs
	rm -rf results logs .snakemake

distclean: clean ## remove the environments as well, and what make mutants has done
	rm -rf .venv .venv-bench .mutants
