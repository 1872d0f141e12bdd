#!/usr/bin/python3
"""Untrained models of any size from a fixed seed, and inputs for them: for sweeps over lengths, and for tests.

They measure time, memory and exactness; their accuracy means nothing.

usage: untrained.py NAME QUANT MODEL.hlm [SAMPLES.bin]
NAME: full-nano distilbert-nano tinybert-nano mobilebert-nano linformer-nano performer-nano reformer-nano, each also
with -spam; or a sweep: full-t256, linformer-t256-k16, performer-t256-m32, reformer-t256, mobilebert-t256.
"""

import pathlib
import re
import struct
import sys
import zlib

import numpy as np

sys.dont_write_bytecode = True
from network import calibrate, forward  # noqa: E402
from quantise import quantise  # noqa: E402

SEED = 20260101
SAMPLES = 8
UNKNOWN = 255  # a label
LIST_HEADER = struct.Struct("<4sHHHH")
CONFIG = {"version": 1, "architecture": "full", "task": "patches", "tokens": 49, "patch": 16, "vocabulary": 0,
          "width": 32, "heads": 4, "head_width": 8, "hidden": 64, "layers": 2, "stacks": 0, "bottleneck": 0,
          "classes": 10, "k": 0, "features": 0, "chunk": 0, "rounds": 0, "buckets": 0}
KINDS = {
    "full": {}, "distilbert": {"layers": 1}, "tinybert": {"layers": 1, "width": 16, "heads": 2, "hidden": 32},
    "mobilebert": {"architecture": "mobilebert", "layers": 3, "bottleneck": 16, "heads": 2, "hidden": 32,
                   "stacks": 2},
    "linformer": {"architecture": "linformer", "k": 16}, "performer": {"architecture": "performer", "features": 32},
    "reformer": {"architecture": "reformer", "chunk": 7, "rounds": 2, "buckets": 8}}
TOKENS_MOST = 1024


def config_of(name):
    """The configuration that a name stands for."""
    sweep = re.fullmatch(r"(full|linformer|performer|reformer|mobilebert)-t(\d+)(?:-k(\d+)|-m(\d+))?", name)
    nano = re.fullmatch(r"(%s)-nano(-spam)?" % "|".join(KINDS), name)
    if nano:
        config = {**CONFIG, **KINDS[nano.group(1)]}
        if nano.group(2):
            config.update(task="tokens", tokens=64, patch=0, vocabulary=512, classes=2,
                          chunk=8 if config["chunk"] else 0)
        return config
    if not sweep or not 8 <= int(sweep.group(2)) <= TOKENS_MOST:
        raise ValueError("%s: no such untrained model: full-nano .. reformer-nano, full-t256, linformer-t256-k16, "
                         "performer-t256-m32, reformer-t256 (8 to %d tokens)" % (name, TOKENS_MOST))
    kind, tokens, k, m = sweep.groups()
    config = {**CONFIG, **KINDS[kind], "tokens": int(tokens)}
    if k and kind != "linformer" or m and kind != "performer":
        raise ValueError("%s: only Linformer has k, only Performer m" % name)
    config.update({"k": int(k)} if k else {}, **({"features": int(m)} if m else {}))
    if config["chunk"]:
        config["chunk"] = 8
    return config


def draw_weights(c, random):
    """Like a trained network's in size: every activation carries something of the input."""
    d, inner, hidden = c["width"], c["heads"] * c["head_width"], c["hidden"]
    weights = {}

    def linear(name, rows, columns, gain):
        weights[name + ".weight"] = random.standard_normal((rows, columns)) * gain / np.sqrt(columns)
        weights[name + ".bias"] = random.standard_normal(rows) * 0.05

    def norm(name, n):
        weights[name + ".weight"] = 1 + random.standard_normal(n) * 0.1
        weights[name + ".bias"] = random.standard_normal(n) * 0.1

    def feed_forward(at, name, n):
        norm(at + name, n)
        linear(at + "up", hidden, n, 1.2)
        linear(at + "down", n, hidden, 1.2)

    def attention(at, n):
        norm(at + "norm1", n)
        for role in ("qk", "v") if c["architecture"] == "reformer" else ("q", "k", "v"):
            linear(at + role, inner, n, 1.4)
        linear(at + "project", n, inner, 1.0)
        if c["architecture"] == "linformer":
            for role in "ef":
                weights[at + role] = random.standard_normal((c["k"], c["tokens"])) / np.sqrt(c["tokens"])
        if c["architecture"] == "performer":
            w, m = c["head_width"], c["features"]
            blocks = [np.linalg.qr(random.standard_normal((w, w)))[0] for _ in range(-(-m // w))]
            lengths = np.linalg.norm(random.standard_normal((m, w)), axis=1, keepdims=True)
            weights[at + "features"] = np.concatenate(blocks)[:m] * lengths
        if c["architecture"] == "reformer":
            weights[at + "rotations"] = random.standard_normal((c["rounds"], c["head_width"], c["buckets"] // 2))

    if c["task"] == "tokens":
        weights["embed.table"] = random.standard_normal((c["vocabulary"], d))
    else:
        linear("embed", d, c["patch"], 4.0)
    weights["position"] = random.standard_normal((c["tokens"], d)) * 0.3
    for i in range(c["layers"]):
        at = "layers.%d." % i
        if c["architecture"] == "mobilebert":
            linear(at + "inward", c["bottleneck"], d, 1.0)
            norm(at + "norm_in", c["bottleneck"])
            attention(at, c["bottleneck"])
            for s in range(c["stacks"]):
                feed_forward("%sstacks.%d." % (at, s), "norm", c["bottleneck"])
            linear(at + "outward", d, c["bottleneck"], 1.0)
        else:
            attention(at, d)
            feed_forward(at, "norm2", d)
    norm("norm", d)
    linear("head", c["classes"], d, 3.0)
    return weights


def draw_inputs(c, random, count):
    """Patches of noise about a level of each sample's own; texts of every length."""
    if c["task"] == "tokens":
        ids = random.integers(1, c["vocabulary"], (count, c["tokens"]))
        for row in range(count):
            ids[row, random.integers(1, c["tokens"] + 1):] = 0
        ids[0, :] = random.integers(1, c["vocabulary"], c["tokens"])
        return ids
    waves = np.sin(np.arange(c["tokens"] * c["patch"]) * random.uniform(0.01, 1, (count, 1)))
    level = waves * random.uniform(20, 90, (count, 1)) + random.standard_normal((count, waves.shape[1])) * 20
    return np.clip(level, -128, 127).astype(np.int8).reshape(count, c["tokens"], c["patch"])


def make(name, samples=SAMPLES):
    """config, weights, inputs; the head is centred, so that the input decides."""
    config = config_of(name)
    random = np.random.Generator(np.random.PCG64([SEED, zlib.crc32(name.encode())]))
    weights = draw_weights(config, random)
    inputs = draw_inputs(config, random, samples)
    weights["head.bias"] = weights["head.bias"] - forward(config, weights, inputs).mean(0)
    return config, weights, inputs


def input_bytes(config, inputs):
    return inputs.astype("<u2" if config["task"] == "tokens" else np.int8).tobytes()


def sample_list(config, inputs, labels):
    """The form HLDS: header, a label for each sample, the inputs on a boundary of four bytes."""
    per_token = 2 if config["task"] == "tokens" else config["patch"]
    head = LIST_HEADER.pack(b"HLDS", 1, len(inputs), config["tokens"], per_token) + bytes(int(n) for n in labels)
    return head + bytes(-len(head) % 4) + input_bytes(config, inputs)


def main(name, quant, model, samples=None):
    config, weights, inputs = make(name)
    if quant not in ("int8", "int4"):
        sys.exit("%s: the quantisations are int8 and int4" % quant)
    ranges = calibrate(config, weights, inputs)
    blob = quantise(config, weights, ranges, int(quant[3:]), name, "untrained-seed-%d" % SEED)
    pathlib.Path(model).write_bytes(blob)
    if samples:
        pathlib.Path(samples).write_bytes(sample_list(config, inputs, [UNKNOWN] * len(inputs)))


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
