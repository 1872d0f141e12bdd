#!/usr/bin/python3
"""An encoder of one's own: a classifier of torch's nn.TransformerEncoderLayer as ONNX, and the file of its names.

    export.py OUT.onnx NAMES.json

It is drawn from a seed and not trained; put your own training where `draw` stands. What counts for conversion:
norm_first=True, activation="gelu", a LayerNorm behind the last layer, the mean over the tokens, one linear head.
"""

import json
import pathlib
import sys
import warnings

import torch
from torch import nn

TOKENS, PATCH, WIDTH, HEADS, HIDDEN, LAYERS, CLASSES = 49, 16, 16, 2, 32, 1, 10


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Linear(PATCH, WIDTH)
        self.places = nn.Parameter(torch.zeros(TOKENS, WIDTH))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, dropout=0.0, activation="gelu", batch_first=True,
                                       norm_first=True) for _ in range(LAYERS))
        self.last = nn.LayerNorm(WIDTH)
        self.classify = nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        x = self.patches(x) + self.places
        for block in self.blocks:
            x = block(x)
        return self.classify(self.last(x).mean(1))


def draw(model):
    torch.manual_seed(20260101)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.2)


def names():
    """Ours -> torch's. torch keeps queries, keys and values in one matrix, one behind the other."""
    weights = {"position": "places"}
    for ours, theirs in (("embed", "patches"), ("norm", "last"), ("head", "classify")):
        weights.update({f"{ours}.{kind}": f"{theirs}.{kind}" for kind in ("weight", "bias")})
    for i in range(LAYERS):
        for kind in ("weight", "bias"):
            for n, role in enumerate("qkv"):
                weights[f"layers.{i}.{role}.{kind}"] = {
                    "from": f"blocks.{i}.self_attn.in_proj_{kind}", "rows": [n * WIDTH, (n + 1) * WIDTH]}
            for ours, theirs in (("norm1", "norm1"), ("norm2", "norm2"), ("project", "self_attn.out_proj"),
                                 ("up", "linear1"), ("down", "linear2")):
                weights[f"layers.{i}.{ours}.{kind}"] = f"blocks.{i}.{theirs}.{kind}"
    config = {"architecture": "full", "task": "patches", "tokens": TOKENS, "patch": PATCH, "width": WIDTH,
              "heads": HEADS, "head_width": WIDTH // HEADS, "hidden": HIDDEN, "layers": LAYERS, "classes": CLASSES}
    return {"config": config, "weights": weights}


def main(out, names_out):
    model = Classifier().eval()
    draw(model)
    warnings.simplefilter("ignore")
    # Without folding, the constants keep the names of the model's parameters.
    torch.onnx.export(model, torch.zeros(2, TOKENS, PATCH), out, opset_version=13, do_constant_folding=False,
                      input_names=["input"], output_names=["logits"],
                      dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})
    pathlib.Path(names_out).write_text(json.dumps(names(), indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
