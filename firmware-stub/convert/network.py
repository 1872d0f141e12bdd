"""The float networks in double precision: what the integer kernels are held against.

`weights` maps the names of docs' contract (embed.weight, layers.0.q.weight, ...) to arrays. Inputs are
[N, T, P] (int8 as the device takes them, or their values, /128) for patches, [N, T] of ids for tokens.
"""

import math

import numpy as np

import heap  # noqa: F401
from erf import erf

LN_EPSILON = 1e-5
FEATURE_EPSILON = 1e-4
BATCH = 64  # samples that are in memory at once


def gelu(x):
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def softmax(scores):
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def real_tokens(config, inputs):
    """[N, T]: which positions stand before the first 0; the first one always does."""
    if config["task"] != "tokens":
        return np.ones(inputs.shape[:2], bool)
    real = np.cumsum(inputs == 0, axis=1) == 0
    real[:, 0] = True
    return real


class Network:
    def __init__(self, config, weights, observe):
        self.c, self.w, self.observe = config, weights, observe
        self.width = config["head_width"]

    def see(self, name, values, where=None):
        if self.observe:
            self.observe(name, values if where is None else values[where])
        return values

    def linear(self, name, x):
        return x @ self.w[name + ".weight"].T + self.w[name + ".bias"]

    def norm(self, name, x):
        mean = x.mean(-1, keepdims=True)
        variance = ((x - mean) ** 2).mean(-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + LN_EPSILON) * self.w[name + ".weight"] + self.w[name + ".bias"]

    def heads(self, x):
        return x.reshape(*x.shape[:2], -1, self.width).transpose(0, 2, 1, 3)

    def rows(self, x):
        return x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1)

    def scores(self, layer, q, k, where):
        """where: [N, 1 or H, T or 1, S] of booleans."""
        s = q @ k.transpose(0, 1, 3, 2) / math.sqrt(self.width)
        # A layer may have lost all its heads.
        if s.size:
            self.see(layer + "score", s, np.broadcast_to(where, s.shape))
        return softmax(np.where(where, s, -1e9))

    def full(self, layer, q, k, v, real):
        return self.scores(layer, q, k, real[:, None, :, None] & real[:, None, None]) @ v

    def linformer(self, layer, q, k, v, real):
        mask = real[:, None, :, None]
        k = self.see(layer + "keys", self.w[layer + "e"] @ (k * mask))
        v = self.see(layer + "values", self.w[layer + "f"] @ (v * mask))
        return self.scores(layer, q, k, np.ones((1, 1, 1, k.shape[2]), bool)) @ v

    def performer(self, layer, q, k, v, real):
        features = self.w[layer + "features"].T
        q, k = q * self.width ** -0.25, k * self.width ** -0.25
        q = q @ features - 0.5 * (q * q).sum(3, keepdims=True)
        k = k @ features - 0.5 * (k * k).sum(3, keepdims=True)
        mask = real[:, None, :, None]
        k = np.where(mask, k, -1e9)
        q = np.exp(q - q.max(3, keepdims=True)) + FEATURE_EPSILON
        k = (np.exp(k - k.max((2, 3), keepdims=True)) + FEATURE_EPSILON) * mask
        return q @ (k.transpose(0, 1, 3, 2) @ v) / (q @ k.sum(2)[..., None])

    def reformer(self, layer, qk, v, real):
        """One softmax over the union of the rounds' candidates: a pair that r rounds see has r times 1/r of its
        weight."""
        c, t = self.c, qk.shape[2]
        rotations = self.w[layer + "rotations"]
        chunks = -(-c["tokens"] // c["chunk"])
        seen = np.zeros((*qk.shape[:2], t, t), bool)
        for rotation in rotations:
            turned = qk @ rotation
            bucket = np.where(real[:, None], np.concatenate([turned, -turned], 3).argmax(3), c["buckets"])
            place = np.argsort(np.argsort(bucket, 2, kind="stable"), 2, kind="stable")
            back = (place // c["chunk"])[..., :, None] - (place // c["chunk"])[..., None, :]
            seen |= (back == 0) | (back == 1) | (back == 1 - chunks)
        seen &= real[:, None, None] & ~np.eye(t, dtype=bool)
        seen |= np.eye(t, dtype=bool) & ~seen.any(3, keepdims=True)
        key = qk / np.sqrt((qk * qk).sum(3, keepdims=True) + 1e-12)
        s = qk @ key.transpose(0, 1, 3, 2) / math.sqrt(self.width)
        if s.size:
            self.see(layer + "score", s, seen & real[:, None, :, None])
        return softmax(np.where(seen, s, -1e9)) @ v

    def attend(self, layer, x, real):
        """x is normalised; what the architectures differ in."""
        kind = self.c["architecture"]
        v = self.see(layer + "v", self.linear(layer + "v", x), real)
        if kind == "reformer":
            qk = self.see(layer + "qk", self.linear(layer + "qk", x), real)
            out = self.reformer(layer, self.heads(qk), self.heads(v), real)
        else:
            q = self.see(layer + "q", self.linear(layer + "q", x), real)
            k = self.see(layer + "k", self.linear(layer + "k", x), real)
            run = getattr(self, "full" if kind == "mobilebert" else kind)
            out = run(layer, self.heads(q), self.heads(k), self.heads(v), real)
        context = self.see(layer + "context", self.rows(out), real)
        return self.see(layer + "project", self.linear(layer + "project", context), real)

    def feed_forward(self, at, norm, x, real, total):
        n = self.see(at + norm, self.norm(at + norm, x), real)
        up = self.see(at + "up", self.linear(at + "up", n), real)
        down = self.linear(at + "down", self.see(at + "gelu", gelu(up), real))
        return self.see(at + total, x + self.see(at + "down", down, real), real)

    def layer(self, at, x, real):
        n = self.see(at + "norm1", self.norm(at + "norm1", x), real)
        x = self.see(at + "sum1", x + self.attend(at, n, real), real)
        return self.feed_forward(at, "norm2", x, real, "sum2")

    def bottleneck(self, at, x, real):
        y = self.see(at + "inward", self.linear(at + "inward", x), real)
        y = self.see(at + "norm_in", self.norm(at + "norm_in", y), real)
        n = self.see(at + "norm1", self.norm(at + "norm1", y), real)
        y = self.see(at + "sum1", y + self.attend(at, n, real), real)
        for s in range(self.c["stacks"]):
            y = self.feed_forward("%sstacks.%d." % (at, s), "norm", y, real, "sum")
        out = self.see(at + "outward", self.linear(at + "outward", y), real)
        return self.see(at + "sum2", x + out, real)

    def forward(self, inputs):
        c = self.c
        real = real_tokens(c, inputs)
        if c["task"] == "tokens":
            x = self.w["embed.table"][inputs.astype(int)]
        else:
            x = self.linear("embed", inputs / 128 if inputs.dtype.kind in "iu" else inputs)
        x = self.see("x", x + self.w["position"], real)
        for i in range(c["layers"]):
            run = self.bottleneck if c["architecture"] == "mobilebert" else self.layer
            x = run("layers.%d." % i, x, real)
        x = self.see("norm", self.norm("norm", x), real)
        weight = real[..., None]
        pool = self.see("pool", (x * weight).sum(1) / weight.sum(1))
        return self.see("logits", self.linear("head", pool))


def forward(config, weights, inputs, observe=None):
    """Logits [N, C]. observe(name, values) sees every activation at the real tokens."""
    weights = {name: np.asarray(value, float) for name, value in weights.items()}
    network = Network(config, weights, observe)
    return np.concatenate([network.forward(inputs[i:i + BATCH]) for i in range(0, len(inputs), BATCH)])


def three_digits(x):
    return float("%.3g" % x)


def calibrate(config, weights, inputs):
    """The largest magnitude of every activation, to three digits; of GELU's output the largest value."""
    ranges = {}

    def observe(name, values):
        if values.size:
            largest = values.max() if name.endswith("gelu") else np.abs(values).max()
            ranges[name] = max(ranges.get(name, 0.0), float(largest))

    forward(config, weights, inputs, observe)
    return {name: three_digits(value) for name, value in ranges.items()}
