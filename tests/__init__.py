"""The course's tests.

test_*.py: unit tests and the notebooks' lint (make test)
classroom/: assignments and grading, with the classroom's packages (make classroom-test)
browser_test.py, colab_test.py: programs that need Chromium or Colab's Python (make browser-test,
make colab-test)
nbval_sanitize.cfg: what a notebook's output may hold that differs from run to run
"""
