"""TFDS builders for the datasets that TFDS does not know itself."""
