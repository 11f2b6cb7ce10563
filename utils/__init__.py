"""What the notebooks share: datasets, figures, checks and training helpers. Never a model."""

from pathlib import Path

#: The course's folder, which holds notebooks/, utils/, data/ and benchmarks/.
ROOT = Path(__file__).resolve().parent.parent
