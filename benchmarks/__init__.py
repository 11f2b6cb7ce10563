"""Our recipes beside published ones, on the same data (make benchmark).

runs.py, __main__.py: measure what is planned and missing or stale, one process for each training
mnist.py, bike_sharing.py, dcgan.py, movie_sentences.py, imdb_reviews.py, bert.py,
    tiny_shakespeare.py: a benchmark each
grading.py: our grading timed beside nbgrader's own (make grading-benchmark)
results/: what came out; utils/results.py reads it for notebooks and README
"""
