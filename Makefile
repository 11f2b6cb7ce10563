# `make lab` opens the course, `make test` passes it; `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help setup dev lab test lint browser-test colab-test notebooks seeds margins data references benchmark benchmark-status publish lock \
	classroom release grade scheduler worker formgrader classroom-test grading-benchmark

PYTHON ?= python3
BIN := .venv/bin
CLASSROOM := .venv-classroom/bin
CLASS ?= class
# A notebook's kernel takes up to 2 GB and two cores: no more than four at a time.
PARALLEL := -n auto --maxprocesses 4 --dist loadscope

help:  ## this list
	@grep -E '^[a-z-]+:.*  ## ' Makefile | sed -E 's/:.*  ## /\t/' | expand -t 20

ENVIRONMENT = @$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null || { \
	  echo "$(PYTHON) is no Python 3: install one, or name it, as in: make lab PYTHON=/path/to/python3.12"; exit 1; }; \
	$(PYTHON) -m scripts.environment

setup:  ## what a learner needs, in .venv
	$(ENVIRONMENT)

dev:  ## what tests and maintainers need besides, in .venv
	$(ENVIRONMENT) .venv requirements.lock requirements-dev.lock

classroom:  ## what grading needs, in .venv-classroom
	$(ENVIRONMENT) .venv-classroom requirements-classroom.lock

lab: setup  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

test: dev lint  ## lint, unit tests, and every notebook from top to bottom (SEED=7 for another seed)
	$(BIN)/pytest $(PARALLEL) --ignore=tests/browser tests
	$(BIN)/pytest $(PARALLEL) --nbval notebooks

lint: dev  ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

browser-test: dev  ## a notebook in a real JupyterLab in headless Chromium (NB=06 for another than 01)
	$(BIN)/pytest -rP tests/browser

colab-test: dev  ## every notebook the way Colab runs it, with Colab's versions (NB=06 for one)
	$(BIN)/python -m tests.colab_test

notebooks: dev  ## run the notebooks and store them with their outputs (NB=02 for one)
	$(BIN)/python -m scripts.notebooks $(NB)

seeds: dev  ## run the notebooks under other seeds: make seeds SEEDS="1 2 3"
	@for seed in $(or $(SEEDS),1 2 3); do echo "SEED=$$seed"; SEED=$$seed $(BIN)/pytest $(PARALLEL) --nbval notebooks || exit 1; done

margins: dev  ## how far each check is from failing, measured under more seeds: make margins SEEDS="1 2 3" (NB=04 for one)
	$(BIN)/python -m scripts.margins $(SEEDS) --notebook "$(NB)"

data: dev  ## prepare data/ again from the originals (FROM=folder that holds them)
	$(BIN)/python -m scripts.prepare_data $(if $(FROM),--from $(FROM))

references: dev  ## our BERT and GPT beside Hugging Face's, which need PyTorch; writes data/references/
	$(BIN)/python -m scripts.references

benchmark: dev  ## measure what benchmarks/results/ lacks or has from other code; writes README's figures
	$(BIN)/python -m benchmarks
	$(BIN)/python -m scripts.readme

benchmark-status: dev  ## list what that would be
	@$(BIN)/python -m benchmarks status

release: classroom  ## write the student versions of the assignments into class/ (ASSIGNMENT=03 for one, CLASS=folder, REPO=owner/name)
	@$(CLASSROOM)/python -m classroom release --class "$(CLASS)" --assignment "$(ASSIGNMENT)" --repository "$(REPO)"

grade: classroom  ## grade a folder: SUBMISSIONS=folder (CLASS, ASSIGNMENT, ROSTER=file.csv, DUE=2026-12-01, DASK=tcp://host:8786)
	@$(CLASSROOM)/python -m classroom grade "$(SUBMISSIONS)" --class "$(CLASS)" --assignment "$(ASSIGNMENT)" \
	  --roster "$(ROSTER)" --due "$(DUE)" --dask "$(DASK)" $(LIMITS)

scheduler: classroom  ## begin a Dask cluster that grades: port 8786 (PORT)
	@PYTHONPATH=. $(CLASSROOM)/dask scheduler --port $(or $(PORT),8786) --no-dashboard

worker: classroom  ## join one, with all cores: DASK=tcp://scheduler:8786
	@PYTHONPATH=. $(CLASSROOM)/dask worker "$(DASK)" --nworkers $$(getconf _NPROCESSORS_ONLN) --nthreads 1 --no-dashboard

formgrader: classroom  ## mark by hand in the browser, with nbgrader's formgrader (CLASS=folder)
	@$(CLASSROOM)/python -m classroom formgrader --class "$(CLASS)"

classroom-test: classroom  ## the assignments, and the grading of a batch of submissions
	$(CLASSROOM)/pytest -n 2 --dist loadscope tests/classroom

grading-benchmark: classroom  ## time our grading beside nbgrader's own; writes benchmarks/results/grading.json
	$(CLASSROOM)/python -m benchmarks.grading

publish: dev  ## stamp the repository's address into badges and set-up cells: REPO=owner/name (BRANCH, MIRROR=https://…)
	$(BIN)/python -m scripts.publish "$(REPO)" "$(BRANCH)" "$(MIRROR)"

lock: dev  ## pin the locks anew for Linux, macOS on Apple silicon and Windows (UPGRADE=1 for newest versions)
	$(BIN)/python -m scripts.lock $(if $(UPGRADE),--upgrade)
