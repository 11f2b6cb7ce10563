"""The programs that `make` runs, for maintainers.

environment.py: an environment of what a lock names (make setup, make dev, make classroom)
lock.py: pins the requirements anew (make lock)
notebooks.py, cells.py: run the notebooks and store them in one normal form (make notebooks)
margins.py, check_log.py: how far each check is from failing (make margins)
publish.py, setup_cell.py: the course's address in badges and set-up cells (make publish)
prepare_data.py, builders/, judge.py: data/ from the originals (make data)
references/: our BERT and GPT beside other people's (make references)
readme.py: what was measured, written into README.md (make benchmark)
"""
