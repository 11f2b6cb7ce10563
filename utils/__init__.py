"""What the notebooks share. Never a model.

datasets.py, checksums.py: the data, and whether it is whole
figures.py, diagrams/: figures and drawings
checks.py, training.py, optimizers.py, quiet.py: checks, seeds and progress, dense gradients,
    silence
recipes.py, results.py, digests.py: other notebooks' recipes, what was measured with them, and
    whether that is up to date
"""

from pathlib import Path

#: The course's folder, which holds notebooks/, utils/, data/ and benchmarks/.
ROOT = Path(__file__).resolve().parent.parent
