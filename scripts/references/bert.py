"""Our BERT of notebook 07, Hugging Face's and KerasHub's, with the same weights and inputs."""

import numpy as np

from scripts.references.compare import random_weights, set_weights
from utils.recipes import load_recipe

NAME = "bert"
#: What goes into data/references/bert.npz.
STORED = {
    "network": {
        **{"vocabulary": 60, "width": 32, "blocks": 2, "heads": 4, "hidden": 64, "length": 16},
        "approximate": False,
    },
    "lengths": [12, 9, 5],
    "seed": 1,
}


def configurations(count=20, approximate=False):
    """Networks and lengths of sentences, drawn at random, the same at each call."""
    generator = np.random.default_rng(7)
    drawn = []
    for seed in range(count):
        heads = int(generator.choice([1, 2, 3, 4]))
        width = heads * int(generator.choice([16, 24, 32]))
        length = int(generator.integers(4, 40))
        sentences = int(generator.integers(1, 5))
        network = {
            "vocabulary": int(generator.integers(20, 200)),
            "width": width,
            "blocks": int(generator.integers(1, 5)),
            "heads": heads,
            "hidden": int(generator.choice([2, 4])) * width,
            "length": length + int(generator.integers(0, 10)),
            "approximate": approximate,
        }
        # The first sentence is as long as the batch, the others are filled up.
        lengths = [length, *generator.integers(2, length + 1, sentences - 1).tolist()]
        drawn.append({"network": network, "lengths": lengths, "seed": seed})
    return drawn


def inputs_of(configuration):
    """Random tokens, the second part of each sentence in segment 1, padding, places to guess."""
    generator = np.random.default_rng(configuration["seed"])
    lengths = np.array(configuration["lengths"])[:, None]
    shape = len(lengths), int(lengths.max())
    tokens = generator.integers(1, configuration["network"]["vocabulary"], shape)
    places = np.arange(shape[1])
    tokens = np.where(places < lengths, tokens, 0)
    segments = (places >= lengths // 2) & (places < lengths)
    guessed = generator.integers(0, lengths, (len(lengths), 3))
    arrays = {"tokens": tokens, "segments": segments, "places": guessed}
    return {name: array.astype("int32") for name, array in arrays.items()}


def ours(configuration, **network):
    """Weights, inputs and outputs of the notebook's network, which `network` may change."""
    recipe = load_recipe("07_bert")
    settings = configuration["network"] | network
    bert = recipe.build_bert(**settings)
    model = recipe.add_heads(bert, settings["approximate"])
    weights = random_weights(model, configuration["seed"])
    set_weights(model, weights)
    inputs = inputs_of(configuration)
    sequence, pooled = bert([inputs["tokens"], inputs["segments"]])
    words, is_next = model(list(inputs.values()))
    outputs = {"sequence": sequence, "pooled": pooled, "words": words, "is_next": is_next}
    return weights, inputs, {name: np.array(output) for name, output in outputs.items()}


#: Hugging Face's names of what a block consists of.
PARTS = {
    "attention/query": "attention.self.query",
    "attention/key": "attention.self.key",
    "attention/value": "attention.self.value",
    "attention/mix": "attention.output.dense",
    "norm_1": "attention.output.LayerNorm",
    "expand": "intermediate.dense",
    "contract": "output.dense",
    "norm_2": "output.LayerNorm",
}
OTHERS = {
    "embed/tokens/embeddings": "bert.embeddings.word_embeddings.weight",
    "embed/segments/embeddings": "bert.embeddings.token_type_embeddings.weight",
    "embed/positions/embeddings": "bert.embeddings.position_embeddings.weight",
    "embed/norm": "bert.embeddings.LayerNorm",
    "pooler": "bert.pooler.dense",
    "masked_words/dense": "cls.predictions.transform.dense",
    "masked_words/norm": "cls.predictions.transform.LayerNorm",
    "masked_words/bias": "cls.predictions.bias",
    "next_sentence": "cls.seq_relationship",
}
KINDS = {"kernel": "weight", "gamma": "weight", "bias": "bias", "beta": "bias"}


def hugging_face_name(path):
    """Our variable's path -> the name that Hugging Face's `BertForPreTraining` has for it."""
    if path in OTHERS:
        return OTHERS[path]
    layer, _, kind = path.rpartition("/")
    block, _, part = layer.partition("/")
    if block.startswith("block_"):
        return f"bert.encoder.layer.{block[6:]}.{PARTS[part]}.{KINDS[kind]}"
    return f"{OTHERS[layer]}.{KINDS[kind]}"


def hugging_face(configuration, weights, inputs):
    """What Hugging Face's `BertForPreTraining` makes of the same, computed in float64."""
    import torch
    from transformers import BertConfig, BertForPreTraining

    network = configuration["network"]
    config = BertConfig(
        vocab_size=network["vocabulary"],
        hidden_size=network["width"],
        num_hidden_layers=network["blocks"],
        num_attention_heads=network["heads"],
        intermediate_size=network["hidden"],
        max_position_embeddings=network["length"],
        hidden_act="gelu_new" if network["approximate"] else "gelu",
        attn_implementation="eager",
    )
    model = BertForPreTraining(config).eval().double()
    state = {}
    for path, values in weights.items():  # PyTorch keeps matrices turned round
        values = values.T if path.endswith("kernel") else values
        state[hugging_face_name(path)] = torch.tensor(np.array(values))
    state["cls.predictions.decoder.weight"] = state[OTHERS["embed/tokens/embeddings"]]
    state["cls.predictions.decoder.bias"] = state["cls.predictions.bias"]
    left = model.load_state_dict(state, strict=False)
    assert not left.unexpected_keys and set(left.missing_keys) <= {"bert.embeddings.position_ids"}

    tokens = torch.tensor(inputs["tokens"], dtype=torch.long)
    segments = torch.tensor(inputs["segments"], dtype=torch.long)
    with torch.no_grad():
        encoded = model.bert(tokens, (tokens != 0).long(), segments)
        words, is_next = model.cls(encoded.last_hidden_state, encoded.pooler_output)
    places = torch.tensor(inputs["places"], dtype=torch.long)[:, :, None]
    outputs = {
        "sequence": encoded.last_hidden_state,
        "pooled": encoded.pooler_output,
        "words": torch.take_along_dim(words, places, 1),
        "is_next": is_next,
    }
    return {name: output.numpy().astype("float32") for name, output in outputs.items()}


def keras_hub(configuration, weights, inputs):
    """What KerasHub's `BertBackbone`, whose GELU is that by tanh, makes of the same."""
    from keras_hub.models import BertBackbone

    network = configuration["network"]
    backbone = BertBackbone(
        vocabulary_size=network["vocabulary"],
        num_layers=network["blocks"],
        num_heads=network["heads"],
        hidden_dim=network["width"],
        intermediate_dim=network["hidden"],
        max_sequence_length=network["length"],
        dropout=0,
    )
    cut = network["heads"], network["width"] // network["heads"]

    def give(layer, path, reshape=None):
        kinds = ("gamma", "beta") if "norm" in path else ("kernel", "bias")
        layer.set_weights([
            weights[f"{path}/{kind}"].reshape(shape)
            for kind, shape in zip(kinds, reshape or [(-1,)] * 2, strict=True)
        ])  # fmt: skip

    for name in ("tokens", "segments", "positions"):
        table = getattr(backbone, f"{name[:-1]}_embedding")
        table.set_weights([weights[f"embed/{name}/embeddings"]])
    width, hidden = network["width"], network["hidden"]
    give(backbone.embeddings_layer_norm, "embed/norm")
    give(backbone.pooled_dense, "pooler", [(width, width), (width,)])
    for number, layer in enumerate(backbone.transformer_layers):
        block, attention = f"block_{number}", layer._self_attention_layer
        for part in ("query", "key", "value"):
            give(getattr(attention, f"_{part}_dense"), f"{block}/attention/{part}",
                 [(width, *cut), cut])  # fmt: skip
        give(attention._output_dense, f"{block}/attention/mix", [(*cut, width), (width,)])
        give(layer._self_attention_layer_norm, f"{block}/norm_1")
        give(layer._feedforward_intermediate_dense, f"{block}/expand",
             [(width, hidden), (hidden,)])  # fmt: skip
        give(layer._feedforward_output_dense, f"{block}/contract",
             [(hidden, width), (width,)])  # fmt: skip
        give(layer._feedforward_layer_norm, f"{block}/norm_2")
    outputs = backbone({
        "token_ids": inputs["tokens"],
        "segment_ids": inputs["segments"],
        "padding_mask": (inputs["tokens"] != 0).astype("int32"),
    })  # fmt: skip
    return {
        "sequence": np.array(outputs["sequence_output"]),
        "pooled": np.array(outputs["pooled_output"]),
    }
