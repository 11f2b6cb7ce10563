"""Our BERT and GPT beside Hugging Face's and KerasHub's, with the same weights and inputs.

`make references` compares them in many configurations and stores the outputs of one of each in
data/references/, which notebooks and tests read.

__main__.py: the program, which makes an environment with PyTorch for itself
compare.py: random weights, the comparison and its file, for any family of models
bert.py, gpt.py: ours of notebooks 07 and 08, and how the others have the same weights
requirements.txt: PyTorch and transformers, no dependencies of the course
"""
