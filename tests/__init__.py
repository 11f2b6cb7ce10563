"""The course's tests.

test_*.py: unit tests and the notebooks' lint (make test); sample_notebooks.py: what they lint
classroom/: assignments and grading, with the classroom's packages (make classroom-test)
browser/, chromium.py: a notebook in JupyterLab in Chromium (make browser-test)
colab_test.py: the notebooks with Colab's Python and packages (make colab-test)
conftest.py: what pytest does before and after these
nbval_sanitize.cfg: what a notebook's output may hold that differs from run to run
"""
