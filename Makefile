# `make lab` opens the course, `make test` passes it; `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help setup lab test lint browser-test colab-test notebooks seeds data references benchmark publish lock \
	classroom release grade scheduler worker formgrader classroom-test grading-benchmark

PYTHON ?= python3 python3.13 python3.12 python3.11 python
BIN := .venv/bin
CLASSROOM := .venv-classroom/bin
CLASS ?= class
# A notebook's kernel takes up to 2 GB and two cores: no more than four at a time.
PARALLEL := -n auto --maxprocesses 4 --dist loadscope

help:  ## this list
	@grep -E '^[a-z-]+:.*  ## ' Makefile | sed -E 's/:.*  ## /\t/' | expand -t 20

setup: .venv/ready

.venv/ready: requirements.lock
	$(call install,.venv,requirements.lock)

.venv-classroom/ready: requirements-classroom.lock
	$(call install,.venv-classroom,requirements-classroom.lock)

# An environment in folder $(1) of what the lock $(2) pins.
define install
	@for p in $(PYTHON); do \
	  if $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then python=$$p; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "This course needs Python 3.11, 3.12 or 3.13 and found none of them: install one, or name it, as in: make lab PYTHON=/path/to/python3.12"; exit 1; fi; \
	echo "Installing the packages of $(2) into $(1) with $$($$python --version): about three minutes, once."; \
	$$python -m venv --clear $(1) && $(1)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $(2) && touch $@
endef

lab: setup  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

test: setup lint  ## lint, unit tests, and every notebook from top to bottom (SEED=7 for another seed)
	$(BIN)/pytest $(PARALLEL) tests
	$(BIN)/pytest $(PARALLEL) --nbval notebooks

lint: setup  ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

browser-test: setup  ## a notebook in a real JupyterLab in headless Chromium
	$(BIN)/python tests/browser_test.py

colab-test: setup  ## every notebook the way Colab runs it, with Colab's versions
	$(BIN)/python tests/colab_test.py

notebooks: setup  ## run the notebooks and store them with their outputs (NB=02 for one)
	$(BIN)/python -m scripts.notebooks $(NB)

seeds: setup  ## run the notebooks under other seeds: make seeds SEEDS="1 2 3"
	@for seed in $(or $(SEEDS),1 2 3); do echo "SEED=$$seed"; SEED=$$seed $(BIN)/pytest $(PARALLEL) --nbval notebooks || exit 1; done

data: setup  ## prepare data/ again from the originals (FROM=folder that holds them)
	$(BIN)/python -m scripts.prepare_data $(if $(FROM),--from $(FROM))

references: setup  ## our BERT and GPT beside Hugging Face's, which need PyTorch; writes data/references/
	$(BIN)/python -m scripts.references

benchmark: setup  ## our recipes beside published ones; writes benchmarks/results/
	for name in mnist bike_sharing dcgan movie_sentences bert tiny_shakespeare; do \
		$(BIN)/python -m benchmarks.$$name || exit 1; done

classroom: .venv-classroom/ready

release: classroom  ## write the student versions of the assignments into class/ (ASSIGNMENT=03 for one, CLASS=folder, REPO=owner/name)
	@$(CLASSROOM)/python -m classroom release --class "$(CLASS)" --assignment "$(ASSIGNMENT)" --repository "$(REPO)"

grade: classroom  ## grade a folder: SUBMISSIONS=folder (CLASS, ASSIGNMENT, ROSTER=file.csv, DUE=2026-12-01, DASK=tls://host:8786, ISOLATION=none)
	@$(CLASSROOM)/python -m classroom grade "$(SUBMISSIONS)" --class "$(CLASS)" --assignment "$(ASSIGNMENT)" \
	  --roster "$(ROSTER)" --due "$(DUE)" --dask "$(DASK)" --isolation "$(ISOLATION)" $(LIMITS)

CERTIFICATE := dask.pem
TLS := --protocol tls --tls-ca-file $(CERTIFICATE) --tls-cert $(CERTIFICATE) --tls-key $(CERTIFICATE) \
	--no-dashboard --dashboard-address 127.0.0.1:0

# Who has this file can run code on the cluster's machines: it is for their owner only.
$(CERTIFICATE):
	@umask 077; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
	  -subj /CN=course -keyout $@.new -out $@.new 2>/dev/null && mv $@.new $@

scheduler: classroom $(CERTIFICATE)  ## begin a Dask cluster that grades: HOST=its address for other machines (PORT=8786)
	@PYTHONPATH=. $(CLASSROOM)/dask scheduler --host $(or $(HOST),127.0.0.1) --port $(or $(PORT),8786) $(TLS)

worker: classroom  ## join one, with all cores: DASK=tls://scheduler:8786 (WORKERS=4)
	@test -f $(CERTIFICATE) || { echo "Copy $(CERTIFICATE) from the scheduler's course folder to this one."; exit 1; }
	@PYTHONPATH=. $(CLASSROOM)/dask worker "$(DASK)" --nworkers $(or $(WORKERS),$$(getconf _NPROCESSORS_ONLN)) --nthreads 1 \
	  $(if $(HOST)$(findstring //127.0.0.1:,$(DASK)),--host $(or $(HOST),127.0.0.1)) $(TLS)

formgrader: classroom  ## mark by hand in the browser, with nbgrader's formgrader (CLASS=folder)
	@$(CLASSROOM)/python -m classroom formgrader --class "$(CLASS)"

classroom-test: classroom  ## the assignments, and the grading of a batch of submissions
	$(CLASSROOM)/pytest -n 2 --dist loadscope tests/classroom

grading-benchmark: classroom  ## time our grading beside nbgrader's own; writes benchmarks/results/grading.json
	$(CLASSROOM)/python -m benchmarks.grading

publish: setup  ## stamp the repository's address into badges and set-up cells: REPO=owner/name
	$(BIN)/python -m scripts.publish "$(REPO)" $(BRANCH)

lock: setup  ## pin requirements.lock anew for Linux, macOS on Apple silicon and Windows
	$(BIN)/python -m scripts.lock
