#!/usr/bin/python3
"""Makes models/full-nano-int8.c: an untrained encoder from a fixed seed, and its inputs.

The float network is drawn from the seed, run in double precision over the eight inputs to learn the
range of every activation, and quantised as nn/model.h says. The bytes depend on nothing but SEED, so
a test makes them again and compares. Trained weights replace the drawn ones by another generator
that ends in the same `Blob`.

usage: generate.py OUTPUT.c
"""

import hashlib
import math
import operator
import struct
import sys
import zlib

SEED = 20260101
TOKENS, PATCH, WIDTH, HIDDEN, HEADS, LAYERS, CLASSES = 49, 16, 32, 64, 4, 2, 10
SAMPLES = 8
SIDE = 28
INPUT_SCALE = 1 / 128
SCORE_SCALE = 1 / 16  # a step of the softmax's index
PROBABILITY_SCALE = 1 / 256
ARCH_FULL = 1


class Draw:
    """splitmix64: the same numbers on every machine and Python."""

    def __init__(self, seed):
        self.state = seed

    def bits(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & (2**64 - 1)
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
        return z ^ (z >> 31)

    def uniform(self):
        return (self.bits() >> 11) / 2**53

    def normal(self):
        # The sum of twelve uniforms: near enough, and no logarithm whose last bit could differ.
        return sum(self.uniform() for _ in range(12)) - 6

    def matrix(self, rows, columns, deviation):
        return [[self.normal() * deviation for _ in range(columns)] for _ in range(rows)]

    def vector(self, n, mean, deviation):
        return [mean + self.normal() * deviation for _ in range(n)]


def dot(a, b):
    return sum(map(operator.mul, a, b))


def rounded(x):
    return math.floor(x + 0.5)


def clamp(x, low=-128, high=127):
    return max(low, min(high, x))


def gelu(x):
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


def multiplier(real):
    """real = m * 2^(shift - 31), m in [2^30, 2^31)."""
    assert real > 0
    fraction, shift = math.frexp(real)
    m = rounded(fraction * 2**31)
    if m == 2**31:
        m, shift = m // 2, shift + 1
    assert -31 <= shift <= 30
    return m, shift


class Range:
    """The largest magnitude that an activation reached, and its symmetric int8 scale."""

    def __init__(self):
        self.largest = 0.0

    def see(self, values):
        self.largest = max(self.largest, max(map(abs, values)))
        return values

    @property
    def scale(self):
        return self.largest * 1.02 / 127


# ---- the float network --------------------------------------------------------------------------


class Linear:
    def __init__(self, draw, inputs, outputs, gain=1.0):
        self.w = draw.matrix(outputs, inputs, gain / math.sqrt(inputs))
        self.b = draw.vector(outputs, 0, 0.05)

    def __call__(self, x):
        return [dot(row, x) + bias for row, bias in zip(self.w, self.b)]


class Norm:
    def __init__(self, draw, n):
        self.gamma = draw.vector(n, 1.0, 0.1)
        self.beta = draw.vector(n, 0.0, 0.1)

    def __call__(self, x):
        mean = sum(x) / len(x)
        deviation = math.sqrt(sum((v - mean) ** 2 for v in x) / len(x)) or 1
        return [g * (v - mean) / deviation + b for v, g, b in zip(x, self.gamma, self.beta)]


class Layer:
    def __init__(self, draw):
        self.norm1 = Norm(draw, WIDTH)
        self.qkv = Linear(draw, WIDTH, 3 * WIDTH, 1.4)
        self.project = Linear(draw, WIDTH, WIDTH, 1.0)
        self.norm2 = Norm(draw, WIDTH)
        self.up = Linear(draw, WIDTH, HIDDEN, 1.2)
        self.down = Linear(draw, HIDDEN, WIDTH, 1.2)
        for name in ("n1", "q", "k", "v", "context", "projected", "sum1", "n2", "up", "gelu",
                     "down", "sum2"):
            setattr(self, "r_" + name, Range())


class Network:
    def __init__(self, draw):
        self.embed = Linear(draw, PATCH, WIDTH, 2.0)
        self.position = draw.matrix(TOKENS, WIDTH, 0.3)
        self.layers = [Layer(draw) for _ in range(LAYERS)]
        self.norm = Norm(draw, WIDTH)
        self.head = Linear(draw, WIDTH, CLASSES, 3.0)
        self.r_x, self.r_norm, self.r_pool, self.r_logits = Range(), Range(), Range(), Range()

    def attend(self, layer, rows):
        size = WIDTH // HEADS
        out = [[0.0] * WIDTH for _ in rows]
        for h in range(HEADS):
            part = slice(h * size, (h + 1) * size)
            keys = [r[1][part] for r in rows]
            columns = list(zip(*[r[2][part] for r in rows]))
            for i, (q, _, _) in enumerate(rows):
                scores = [dot(q[part], k) / math.sqrt(size) for k in keys]
                top = max(scores)
                weights = [math.exp(s - top) for s in scores]
                total = sum(weights)
                out[i][part] = [dot(weights, c) / total for c in columns]
        return out

    def pooled(self, patches):
        x = [self.r_x.see([a + b for a, b in zip(self.embed(p), position)])
             for p, position in zip(patches, self.position)]
        for layer in self.layers:
            rows = []
            for row in x:
                y = layer.qkv(layer.r_n1.see(layer.norm1(row)))
                rows.append((layer.r_q.see(y[:WIDTH]), layer.r_k.see(y[WIDTH:2 * WIDTH]),
                             layer.r_v.see(y[2 * WIDTH:])))
            context = self.attend(layer, rows)
            for i, row in enumerate(x):
                y = layer.r_projected.see(layer.project(layer.r_context.see(context[i])))
                row = layer.r_sum1.see([a + b for a, b in zip(row, y)])
                hidden = layer.r_up.see(layer.up(layer.r_n2.see(layer.norm2(row))))
                y = layer.r_down.see(layer.down(layer.r_gelu.see([gelu(v) for v in hidden])))
                x[i] = layer.r_sum2.see([a + b for a, b in zip(row, y)])
        x = [self.r_norm.see(self.norm(row)) for row in x]
        return self.r_pool.see([sum(c) / TOKENS for c in zip(*x)])

    def calibrate(self, samples):
        pools = [self.pooled(s) for s in samples]
        logits = [self.head(p) for p in pools]
        # An untrained head says the same for every input; centred, the input decides.
        for c in range(CLASSES):
            self.head.b[c] -= sum(row[c] for row in logits) / len(logits)
        return [self.r_logits.see(self.head(p)) for p in pools]


# ---- the model's bytes --------------------------------------------------------------------------


class Blob:
    def __init__(self):
        self.data = bytearray()

    def pack(self, form, *values):
        self.data += struct.pack("<" + form, *values)

    def align(self):
        while len(self.data) % 4:
            self.data.append(0)

    def array(self, form, values):
        self.pack("%d%s" % (len(values), form), *values)
        self.align()

    def header(self):
        self.pack("4sHH", b"HLDM", 1, 32)
        self.pack("IBBBB", 0, ARCH_FULL, 8, HEADS, LAYERS)
        self.pack("HHHHHHI", TOKENS, PATCH, WIDTH, HIDDEN, CLASSES, 0, 0)
        assert len(self.data) == 32

    def linear(self, linear, scale_in, zero_in, scales_out, zero_out):
        weights, bias, multipliers, shifts = [], [], [], []
        for row, b, out in zip(linear.w, linear.b, scales_out):
            scale = max(map(abs, row)) / 127
            q = [clamp(rounded(w / scale), -127, 127) for w in row]
            m, shift = multiplier(scale * scale_in / out)
            weights += q
            # The input's zero point costs nothing at run time: it is folded into the bias.
            bias.append(rounded(b / (scale * scale_in)) - zero_in * sum(q))
            multipliers.append(m)
            shifts.append(shift)
        self.pack("HHhH", len(linear.w[0]), len(linear.w), zero_out, 8)
        self.array("b", weights)
        self.array("i", bias)
        self.array("i", multipliers)
        self.array("b", shifts)

    def norm(self, norm, scale_out):
        # normalised value Q12 x gamma + beta, in steps of unit / 2^12
        unit = max(map(abs, norm.gamma)) / 32767
        self.pack("Hh", len(norm.gamma), 0)
        self.pack("ii", *multiplier(unit / 4096 / scale_out))
        self.array("h", [clamp(rounded(g / unit), -32767, 32767) for g in norm.gamma])
        beta = [rounded(b / unit * 4096) for b in norm.beta]
        assert max(map(abs, beta)) < 2**30
        self.array("i", beta)

    def rescale(self, real):
        self.pack("ii", *multiplier(real))

    def add(self, scale_a, scale_b, scale_out):
        # Both inputs on twice the larger scale with 20 more bits, as TensorFlow Lite adds.
        twice = 2 * max(scale_a, scale_b)
        self.rescale(scale_a / twice)
        self.rescale(scale_b / twice)
        self.rescale(twice / (2**20 * scale_out))

    def gelu(self, scale_in, scale_out, zero_out):
        self.array("b", [clamp(rounded(gelu(q * scale_in) / scale_out) + zero_out)
                         for q in range(-128, 128)])

    def exponential(self):
        self.array("H", [rounded(65535 * math.exp(-i * SCORE_SCALE)) for i in range(256)])

    def finish(self):
        struct.pack_into("<I", self.data, 8, len(self.data) + 4)
        self.pack("I", zlib.crc32(self.data))
        return bytes(self.data)


def quantise(net):
    blob = Blob()
    blob.header()
    scale_x = net.r_x.scale
    blob.linear(net.embed, INPUT_SCALE, 0, [scale_x] * WIDTH, 0)
    blob.array("b", [clamp(rounded(v / scale_x)) for row in net.position for v in row])
    blob.exponential()
    for layer in net.layers:
        blob.norm(layer.norm1, layer.r_n1.scale)
        q, k, v = layer.r_q.scale, layer.r_k.scale, layer.r_v.scale
        blob.linear(layer.qkv, layer.r_n1.scale, 0, [q] * WIDTH + [k] * WIDTH + [v] * WIDTH, 0)
        blob.rescale(q * k / math.sqrt(WIDTH // HEADS) / SCORE_SCALE)
        blob.rescale(PROBABILITY_SCALE * v / layer.r_context.scale)
        blob.linear(layer.project, layer.r_context.scale, 0, [layer.r_projected.scale] * WIDTH, 0)
        blob.add(scale_x, layer.r_projected.scale, layer.r_sum1.scale)
        blob.norm(layer.norm2, layer.r_n2.scale)
        blob.linear(layer.up, layer.r_n2.scale, 0, [layer.r_up.scale] * HIDDEN, 0)
        # GELU is never below -0.17: with a zero point the int8 range is used whole.
        gelu_scale = (layer.r_gelu.largest + 0.17) * 1.02 / 255
        gelu_zero = rounded(0.17 / gelu_scale) - 128
        blob.gelu(layer.r_up.scale, gelu_scale, gelu_zero)
        blob.linear(layer.down, gelu_scale, gelu_zero, [layer.r_down.scale] * WIDTH, 0)
        blob.add(layer.r_sum1.scale, layer.r_down.scale, layer.r_sum2.scale)
        scale_x = layer.r_sum2.scale
    blob.norm(net.norm, net.r_norm.scale)
    blob.rescale(net.r_norm.scale / TOKENS / net.r_pool.scale)
    blob.linear(net.head, net.r_pool.scale, 0, [net.r_logits.scale] * CLASSES, 0)
    return blob.finish()


# ---- inputs -------------------------------------------------------------------------------------


def image(draw, index):
    """A 28x28 picture in [-1, 1): a disc, a bar or a checkerboard of its own place and size."""
    x0, y0 = 6 + 16 * draw.uniform(), 6 + 16 * draw.uniform()
    size = 3 + 6 * draw.uniform()
    pixels = []
    for y in range(SIDE):
        for x in range(SIDE):
            dx, dy = x - x0, y - y0
            kind = index % 4
            if kind == 0:
                inside = dx * dx + dy * dy < size * size
            elif kind == 1:
                inside = abs(dx + (index - 4) * dy / 6) < size / 2
            elif kind == 2:
                inside = (int(x / size) + int(y / size)) % 2 == 0
            else:
                inside = abs(dx) + abs(dy) < size or y > SIDE - size
            pixels.append((0.7 if inside else -0.7) + 0.25 * (2 * draw.uniform() - 1))
    return pixels


def patches(pixels):
    across = SIDE // 4
    return [[pixels[(4 * (t // across) + i // 4) * SIDE + 4 * (t % across) + i % 4]
             for i in range(PATCH)] for t in range(TOKENS)]


def arena_bytes():
    """What nn/full.c plans: x, query, key, value, row, wide, scores, value sums."""
    column = (TOKENS + 3) // 4 * 4
    pieces = 3 * [TOKENS * WIDTH] + [column * WIDTH, WIDTH, max(3 * WIDTH, HIDDEN), column, 4 * WIDTH]
    return sum((n + 15) // 16 * 16 for n in pieces)


# ---- C ------------------------------------------------------------------------------------------


def table(values, per_line):
    lines = []
    for i in range(0, len(values), per_line):
        lines.append("\t" + " ".join("%d," % v for v in values[i:i + per_line]))
    return "\n".join(lines)


def source(blob, samples):
    return """/*
 * Generated by models/generate.py (seed %d); do not edit. Untrained weights.
 * SHA-256 of the model's %d bytes:
 * %s
 */
#include "nn/model.h"

static const uint8_t blob[%d] __attribute__((aligned(16), section(MODEL_SECTION))) = {
%s
};

static const int8_t samples[%d] __attribute__((aligned(16))) = {
%s
};

uint8_t model_arena[%d + MODEL_GUARD_BYTES] __attribute__((aligned(16)));
const uint32_t model_arena_bytes = %d;

const struct model model = {
\t.name = "full-nano",
\t.quant = "int8",
\t.variant = "untrained-seed-%d",
\t.architecture = &architecture_full,
\t.blob = blob,
\t.blob_bytes = sizeof(blob),
\t.samples = samples,
\t.sample_count = %d,
};
""" % (SEED, len(blob), hashlib.sha256(blob).hexdigest(), len(blob), table(list(blob), 20),
       len(samples), table(samples, 20), arena_bytes(), arena_bytes(), SEED, SAMPLES)


def main():
    draw = Draw(SEED)
    net = Network(draw)
    quantised = []
    for index in range(SAMPLES):
        quantised.append([[clamp(rounded(v / INPUT_SCALE)) for v in patch]
                          for patch in patches(image(draw, index))])
    samples = [[[q * INPUT_SCALE for q in patch] for patch in s] for s in quantised]
    logits = net.calibrate(samples)
    if "--logits" in sys.argv:
        for row in logits:
            print(" ".join("%6.1f" % (v / net.r_logits.scale) for v in row))
    flat = [q for s in quantised for patch in s for q in patch]
    with open(sys.argv[1], "w") as out:
        out.write(source(quantise(net), flat))


if __name__ == "__main__":
    main()
