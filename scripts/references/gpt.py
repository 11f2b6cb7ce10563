"""Our GPT of notebook 08, Hugging Face's and KerasHub's, with the same weights and inputs."""

import numpy as np

from scripts.references.compare import random_weights, set_weights
from utils.recipes import load_recipe

NAME = "gpt"
#: What goes into data/references/gpt.npz.
STORED = {
    "size": {"vocabulary": 50, "context": 16, "n_layers": 2, "heads": 4, "d_model": 32},
    "lengths": [16, 16, 16],
    "seed": 1,
}


def configurations(count=20):
    """Sizes and lengths of texts, drawn at random, the same at each call."""
    generator = np.random.default_rng(8)
    drawn = []
    for seed in range(count):
        heads, length = int(generator.choice([1, 2, 3, 4])), int(generator.integers(4, 40))
        size = {
            "vocabulary": int(generator.integers(20, 200)),
            "context": length + int(generator.integers(0, 10)),
            "n_layers": int(generator.integers(1, 5)),
            "heads": heads,
            "d_model": heads * int(generator.choice([16, 24, 32])),
        }
        # The first text is as long as the batch, the others are filled up.
        lengths = [length, *generator.integers(2, length + 1, generator.integers(0, 4)).tolist()]
        drawn.append({"size": size, "lengths": lengths, "seed": seed})
    return drawn


def inputs_of(configuration):
    """Random tokens, and which of them are text: the rest, to the right, is padding."""
    generator = np.random.default_rng(configuration["seed"])
    lengths = np.array(configuration["lengths"])[:, None]
    shape = len(lengths), int(lengths.max())
    tokens = generator.integers(0, configuration["size"]["vocabulary"], shape)
    return {
        "tokens": tokens.astype("int32"),
        "is_text": (np.arange(shape[1]) < lengths).astype("int32"),
    }


def on_text(outputs, inputs):
    """The outputs with zeros at padding, where models may differ."""
    is_text = inputs["is_text"][:, :, None].astype("float32")
    return {name: np.array(output).astype("float32") * is_text for name, output in outputs.items()}


def ours(configuration, change=None, **options):
    """Weights, inputs and outputs of the notebook's model, which `change` may spoil.

    Padding to the right needs no mask: the causal one hides it from all text.
    """
    model = load_recipe("08_gpt").GPT(**configuration["size"], **options)
    model.build()
    weights = random_weights(model, configuration["seed"])
    set_weights(model, weights)
    if change:
        change(model)
    inputs = inputs_of(configuration)
    outputs = {"hidden": model.hidden(inputs["tokens"])[0], "logits": model(inputs["tokens"])}
    return weights, inputs, on_text(outputs, inputs)


def hugging_face(configuration, weights, inputs):
    """What Hugging Face's `GPT2Model`, under its tied head, makes of it, in float64."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    size = configuration["size"]
    config = GPT2Config(
        vocab_size=size["vocabulary"],
        n_positions=size["context"],
        n_embd=size["d_model"],
        n_layer=size["n_layers"],
        n_head=size["heads"],
        attn_implementation="eager",
    )
    model = GPT2LMHeadModel(config).eval().double()
    kinds = {"kernel": "weight", "gamma": "weight", "bias": "bias", "beta": "bias"}
    parts = {
        "norm_1": "ln_1",
        "attention/out": "attn.c_proj",
        "norm_2": "ln_2",
        "up": "mlp.c_fc",
        "down": "mlp.c_proj",
    }
    state = {
        "transformer.wte.weight": weights["gpt/token_embedding/embeddings"],
        "transformer.wpe.weight": weights["gpt/position_embedding/embeddings"],
        "lm_head.weight": weights["gpt/token_embedding/embeddings"],
        "transformer.ln_f.weight": weights["gpt/norm/gamma"],
        "transformer.ln_f.bias": weights["gpt/norm/beta"],
    }
    for path, values in weights.items():
        block, _, part = path.removeprefix("gpt/").rpartition("/")[0].partition("/")
        kind = path.rpartition("/")[2]
        if part in parts:  # its matrices are not turned round, unlike BERT's
            state[f"transformer.h.{block[6:]}.{parts[part]}.{kinds[kind]}"] = values
        elif part == "attention/query":
            three = [weights[path.replace("query", name)] for name in ("query", "key", "value")]
            name = f"transformer.h.{block[6:]}.attn.c_attn.{kinds[kind]}"
            state[name] = np.concatenate(three, axis=-1)
    model.load_state_dict({name: torch.tensor(values) for name, values in state.items()})
    tokens, is_text = (torch.tensor(inputs[n], dtype=torch.long) for n in ("tokens", "is_text"))
    with torch.no_grad():
        hidden = model.transformer(tokens, attention_mask=is_text).last_hidden_state
        outputs = {"hidden": hidden.numpy(), "logits": model.lm_head(hidden).numpy()}
    return on_text(outputs, inputs)


def keras_hub(configuration, weights, inputs):
    """What KerasHub's `GPT2Backbone` and its token embedding, turned round, make of the same."""
    from keras_hub.models import GPT2Backbone

    size = configuration["size"]
    d_model, cut = size["d_model"], (size["heads"], size["d_model"] // size["heads"])
    backbone = GPT2Backbone(
        vocabulary_size=size["vocabulary"],
        num_layers=size["n_layers"],
        num_heads=size["heads"],
        hidden_dim=d_model,
        intermediate_dim=4 * d_model,
        max_sequence_length=size["context"],
        dropout=0,
    )

    def give(layer, path, kinds=("kernel", "bias"), shapes=None):
        values = [weights[f"gpt/{path}/{kind}"] for kind in kinds]
        shapes = shapes or [value.shape for value in values]
        layer.set_weights([v.reshape(s) for v, s in zip(values, shapes, strict=True)])

    scales = "gamma", "beta"
    give(backbone.token_embedding, "token_embedding", ["embeddings"])
    give(backbone.position_embedding, "position_embedding", ["embeddings"])
    give(backbone.layer_norm, "norm", scales)
    for number, layer in enumerate(backbone.transformer_layers):
        block, attention = f"block_{number}", layer._self_attention_layer
        for part in ("query", "key", "value"):
            shapes = [(d_model, *cut), cut]
            give(getattr(attention, f"_{part}_dense"), f"{block}/attention/{part}", shapes=shapes)
        shapes = [(*cut, d_model), (d_model,)]
        give(attention._output_dense, f"{block}/attention/out", shapes=shapes)
        give(layer._self_attention_layer_norm, f"{block}/norm_1", scales)
        give(layer._feedforward_layer_norm, f"{block}/norm_2", scales)
        give(layer._feedforward_intermediate_dense, f"{block}/up")
        give(layer._feedforward_output_dense, f"{block}/down")
    hidden = backbone({"token_ids": inputs["tokens"], "padding_mask": inputs["is_text"]})
    logits = backbone.token_embedding(hidden, reverse=True)
    return on_text({"hidden": hidden, "logits": logits}, inputs)
