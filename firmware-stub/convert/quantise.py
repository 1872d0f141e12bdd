"""From a float network and the ranges of its activations to a model file.

int8: activations symmetric, range / 127 a step; weights symmetric per output channel. int4: the same with the
matrices inside the layers in [-7, 7]; embedding, position and head stay at eight bits.
"""

import math

import numpy as np

from arena import arena_bytes
from modelfile import Writer, rounded
from network import gelu

INPUT_STEP = 1 / 128
EXPONENTIAL_TOP = 65280  # 255 * 256: the highest byte is the weight, the whole the sum
PROBABILITY_STEPS = 255
NAT_STEPS = 256  # the fixed-point unit of an exponent
INVERSE_BITS = 12  # nn/reformer.c: a product divided by the key's length


class Quantiser:
    def __init__(self, config, weights, ranges, bits):
        self.c, self.bits, self.ranges = config, bits, ranges
        self.weights = {name: np.asarray(value, float) for name, value in weights.items()}
        self.out = Writer()
        self.kind = config["architecture"]

    def step(self, name):
        """What is always zero, as the context of a layer without heads, has any step."""
        largest = self.ranges.get(name, 0.0)
        return (largest if largest > 1e-6 else 1.0) / 127

    def at(self, layer, stack=None):
        return "" if layer is None else "layers.%d." % layer + ("" if stack is None else "stacks.%d." % stack)

    def linear(self, role, step_in, step_out, layer=None, stack=None, zero_in=0, bits=None):
        name = self.at(layer, stack) + role
        self.out.linear(role, self.weights[name + ".weight"], self.weights[name + ".bias"], step_in, zero_in,
                        step_out, bits or self.bits, layer, stack or 0)

    def norm(self, role, name, step_out, layer=None, stack=None):
        name = self.at(layer, stack) + name
        self.out.norm(role, self.weights[name + ".weight"], self.weights[name + ".bias"], step_out, layer, stack or 0)

    def add(self, role, a, b, total, layer, stack=None):
        """Both on twice the larger scale with 20 more bits, as TensorFlow Lite adds."""
        twice = 2 * max(a, b)
        self.out.scales(role, [a / twice, b / twice, twice / (2**20 * total)], layer, stack or 0)

    def matrix(self, role, name, step, layer=None):
        m = self.weights[name]
        self.out.bytes_of(role, np.clip(rounded(m / step), -127, 127), layer)

    def embed(self):
        x = self.step("x")
        if self.c["task"] == "tokens":
            self.matrix("table", "embed.table", x)
        else:
            self.linear("embed", INPUT_STEP, x, bits=8)
        self.matrix("position", "position", x)

    def exponential(self):
        """exp(-i / 16) for 256 i, then exp(-i / 256) for 16 i."""
        coarse, fine = np.exp(-np.arange(256) / 16), np.exp(-np.arange(16) / NAT_STEPS)
        self.out.words("exponential", rounded(np.concatenate([coarse, fine]) * 65535))

    def softmax(self, layer):
        step = self.step(self.at(layer) + "score")
        self.out.words("softmax", rounded(EXPONENTIAL_TOP * np.exp(-np.arange(256) * step)), layer)

    def soft_scales(self, layer, keys, values):
        at = self.at(layer)
        score = self.step(at + "q") * keys / math.sqrt(self.c["head_width"]) / self.step(at + "score")
        self.out.scales("scales", [score, values / self.step(at + "context")], layer)
        self.softmax(layer)

    def attention_full(self, layer):
        at = self.at(layer)
        self.soft_scales(layer, self.step(at + "k"), self.step(at + "v"))

    attention_mobilebert = attention_full

    def attention_linformer(self, layer):
        at = self.at(layer)
        for role, source, projected in (("e", "k", "keys"), ("f", "v", "values")):
            m = self.weights[at + role]
            self.out.linear(role, m, np.zeros(len(m)), self.step(at + source), 0, self.step(at + projected),
                            self.bits, layer)
        self.soft_scales(layer, self.step(at + "keys"), self.step(at + "values"))

    def attention_performer(self, layer):
        at, w = self.at(layer), self.c["head_width"]
        features = self.weights[at + "features"]
        step = np.abs(features).max() / 32767
        self.out.words("features", rounded(features / step) & 0xFFFF, layer)
        scales = []
        for name in "qk":
            s = self.step(at + name)
            scales += [step * s * w ** -0.25 * NAT_STEPS, s * s * w ** -0.5 / 2 * NAT_STEPS]
        self.out.scales("scales", scales + [self.step(at + "v") / self.step(at + "context")], layer)

    def attention_reformer(self, layer):
        at, c = self.at(layer), self.c
        rotations = self.weights[at + "rotations"].transpose(0, 2, 1).reshape(-1, c["head_width"])
        self.out.bytes_of("rotations", np.clip(rounded(rotations / np.abs(rotations).max() * 127), -127, 127), layer)
        score = self.step(at + "qk") / math.sqrt(c["head_width"]) / 2**INVERSE_BITS / self.step(at + "score")
        self.out.scales("scales", [score, self.step(at + "v") / self.step(at + "context")], layer)
        self.softmax(layer)

    def attend(self, layer, x):
        """norm1 to the sum behind the attention's projection; x is the step of what comes in."""
        at = self.at(layer)
        n = self.step(at + "norm1")
        self.norm("norm1", "norm1", n, layer)
        for role in ("qk", "v") if self.kind == "reformer" else ("q", "k", "v"):
            self.linear(role, n, self.step(at + role), layer)
        getattr(self, "attention_" + self.kind)(layer)
        self.linear("project", self.step(at + "context"), self.step(at + "project"), layer)
        self.add("add1", x, self.step(at + "project"), self.step(at + "sum1"), layer)
        return self.step(at + "sum1")

    def feed_forward(self, layer, stack, norm, x, total):
        at = self.at(layer, stack)
        n, up, down = (self.step(at + name) for name in (norm, "up", "down"))
        self.norm("norm2", norm, n, layer, stack)
        self.linear("up", n, up, layer, stack)
        # GELU is never below -0.17: with a zero point the range is used whole.
        wide = (max(self.ranges.get(at + "gelu", 0.0), 1e-3) + 0.17) / 255
        zero = int(rounded(0.17 / wide)) - 128
        self.out.bytes_of("gelu", np.clip(rounded(gelu(np.arange(-128, 128) * up) / wide) + zero, -128, 127), layer,
                          stack or 0)
        self.linear("down", wide, down, layer, stack, zero)
        self.add("add2", x, down, self.step(at + total), layer, stack)
        return self.step(at + total)

    def layer(self, layer, x):
        return self.feed_forward(layer, None, "norm2", self.attend(layer, x), "sum2")

    def bottleneck(self, layer, x):
        at = self.at(layer)
        self.linear("inward", x, self.step(at + "inward"), layer)
        y = self.step(at + "norm_in")
        self.norm("norm_in", "norm_in", y, layer)
        y = self.attend(layer, y)
        for stack in range(self.c["stacks"]):
            y = self.feed_forward(layer, stack, "norm", y, "sum")
        self.linear("outward", y, self.step(at + "outward"), layer)
        self.add("add3", x, self.step(at + "outward"), self.step(at + "sum2"), layer)
        return self.step(at + "sum2")

    def most(self):
        """What the header says: the most heads and the widest feed-forward of any layer."""
        w, shapes = self.c["head_width"], {name: value.shape for name, value in self.weights.items()}
        heads = max(s[0] for n, s in shapes.items() if n.endswith(".v.weight")) // w
        return {**self.c, "heads": heads, "hidden": max(s[0] for n, s in shapes.items() if n.endswith(".up.weight"))}

    def run(self, name, variant):
        self.embed()
        if self.kind == "performer":
            self.exponential()
        x = self.step("x")
        for layer in range(self.c["layers"]):
            x = (self.bottleneck if self.kind == "mobilebert" else self.layer)(layer, x)
        self.norm("norm", "norm", self.step("norm"))
        self.out.scales("pool", [self.step("norm") / self.step("pool")])
        self.linear("head", self.step("pool"), self.step("logits"), bits=8)
        config = self.most()
        return self.out.bytes(config, self.bits, arena_bytes(config), name, variant)


def quantise(config, weights, ranges, bits, name="model", variant="none"):
    """The bytes of a .hlm file; the same bytes for the same arguments on any machine."""
    if bits not in (4, 8):
        raise ValueError("bits: 4 or 8, not %r" % bits)
    return Quantiser(config, weights, ranges, bits).run(name, variant)


def as_stored(config, weights, bits):
    """The float network whose weights are those that the device has: what quantisation of weights alone costs."""
    inside = ("q", "k", "v", "qk", "project", "up", "down", "inward", "outward", "e", "f")
    stored = dict(weights)
    for name, value in weights.items():
        parts = name.removesuffix(".weight").split(".")
        if parts[0] == "layers" and parts[-1] in inside and np.ndim(value) == 2:
            most = 127 if bits == 8 else 7
            scale = np.maximum(np.abs(value).max(1, keepdims=True), 1e-12) / most
            stored[name] = np.clip(rounded(value / scale), -most, most) * scale
    return stored
