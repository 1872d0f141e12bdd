#!/usr/bin/python3
"""The float32 network as the program of a job (suites/float32.json): the full test set through numpy, printed as
lines. Beside it lie model.onnx.xz, samples.bin, provenance.json and the modules of firmware-stub/convert.
"""
import hashlib
import json
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, ".")
import numpy as np  # noqa: E402

import sample_list  # noqa: E402
from convert import Model, onnx_bytes  # noqa: E402
from network import forward  # noqa: E402

BYTES = 4
SPAM = 1


def f1(said, labels):
    hits, wrong = np.sum((said == SPAM) & (labels == SPAM)), np.sum((said == SPAM) != (labels == SPAM))
    return 2 * hits / (2 * hits + wrong)


def seeds(provenance, digest, key):
    """The test scores of every training of this model, as shares."""
    for model in provenance["models"].values():
        if model["float"].get("onnx_sha256") == digest:
            told = model["float"].get(key, {}).get("seeds", {}).values()
            return [x / 100 if key == "accuracy" else x for x in told]
    return []


def main():
    onnx = pathlib.Path("model.onnx.xz")
    model = Model(onnx)
    inputs, labels = sample_list.read(pathlib.Path("samples.bin"), model.config)
    said = forward(model.config, model.weights, inputs).argmax(1)
    print("samples", len(labels))
    print("accuracy %.6f" % np.mean(said == labels))
    text = model.config["task"] == "tokens"
    if text:
        print("f1 %.6f" % f1(said, labels))
    print("layers", model.config["layers"])
    for seed in seeds(json.loads(pathlib.Path("provenance.json").read_text()),
                      hashlib.sha256(onnx_bytes(onnx)).hexdigest(), "f1" if text else "accuracy"):
        print("seed_accuracy %.6f" % seed)
    print("weights_bytes", BYTES * sum(np.asarray(w).size for w in model.weights.values()))
    for right in said == labels:
        print("correct", int(right))
    return 0


if __name__ == "__main__":
    sys.exit(main())
