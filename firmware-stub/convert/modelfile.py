"""The model file, version 2: protocols/model/form.md. Writes tensors in the order of their making; reads them back."""

import math
import struct
import zlib

import numpy as np

VERSION = 2
HEADER = struct.Struct("<4sHHIIHBBBBHHHHHHHHHHHHHHH4x32s8s32s")
HEADER_BYTES = 128
ENTRY = struct.Struct("<BBBBHHII")
ALIGNMENT = 16
ARCHITECTURES = {"full": 1, "linformer": 2, "performer": 3, "reformer": 4, "mobilebert": 5}
TASKS = {"patches": 1, "tokens": 2}
TOKEN_BYTES = 2
NO_LAYER = 255

# role: (number, kind). protocols/model/model.c has the same table.
ROLES = {
    "embed": (1, "linear"), "table": (2, "bytes"), "position": (3, "bytes"), "exponential": (4, "words"),
    "norm1": (10, "norm"), "q": (11, "linear"), "k": (12, "linear"), "v": (13, "linear"), "qk": (14, "linear"),
    "scales": (15, "scales"), "softmax": (16, "words"), "project": (17, "linear"), "add1": (18, "scales"),
    "norm2": (19, "norm"), "up": (20, "linear"), "gelu": (21, "bytes"), "down": (22, "linear"),
    "add2": (23, "scales"), "e": (24, "linear"), "f": (25, "linear"), "features": (26, "words"),
    "rotations": (27, "bytes"), "inward": (28, "linear"), "norm_in": (29, "norm"), "outward": (30, "linear"),
    "add3": (31, "scales"), "norm": (40, "norm"), "pool": (41, "scales"), "head": (42, "linear"),
}
NAMES = {number: (name, kind) for name, (number, kind) in ROLES.items()}


def rounded(x):
    """Halves upwards, the same on every machine."""
    return np.floor(np.asarray(x, float) + 0.5).astype(np.int64)


def multiplier(real):
    """real = m * 2^(shift - 31), m in [2^30, 2^31)."""
    if not real > 0:
        raise ValueError("a scale is %r: a range of the calibration is zero" % real)
    fraction, shift = math.frexp(real)
    m = math.floor(fraction * 2**31 + 0.5)
    if m == 2**31:
        m, shift = m // 2, shift + 1
    if not -31 <= shift <= 30:
        raise ValueError("a scale is %r: a range of the calibration is out of proportion" % real)
    return m, shift


def row_bytes(columns, bits):
    return columns if bits == 8 else (columns + 7) // 8 * 4


def nibbles(matrix):
    """Two in a byte, low first, rows filled up to four bytes."""
    rows, columns = matrix.shape
    wide = np.zeros((rows, row_bytes(columns, 4) * 2), np.int64)
    wide[:, :columns] = matrix
    return ((wide[:, 0::2] & 15) | (wide[:, 1::2] & 15) << 4).astype(np.uint8).tobytes()


class Writer:
    """The pieces in reading order; bytes() puts header, table and checksum around them."""

    def __init__(self):
        self.entries, self.payloads = [], []

    def add(self, role, layer, index, bits, rows, columns, payload):
        self.entries.append((ROLES[role][0], NO_LAYER if layer is None else layer, index, bits, rows, columns))
        self.payloads.append(payload)

    def bytes_of(self, role, matrix, layer=None, index=0):
        m = np.atleast_2d(matrix)
        self.add(role, layer, index, 8, *m.shape, m.astype(np.int8).tobytes())

    def words(self, role, matrix, layer=None, index=0):
        m = np.atleast_2d(matrix)
        self.add(role, layer, index, 16, *m.shape, m.astype("<u2").tobytes())

    def scales(self, role, reals, layer=None, index=0):
        self.add(role, layer, index, 32, len(reals), 2,
                 b"".join(struct.pack("<ii", *multiplier(r)) for r in reals))

    def linear(self, role, weight, bias, scale_in, zero_in, scale_out, bits, layer=None, index=0):
        """Per output channel; the input's zero point is folded into the bias."""
        weight, most = np.asarray(weight, float), 127 if bits == 8 else 7
        largest = np.abs(weight).max(1, initial=0.0)
        scale = np.where(largest > 0, largest, 1.0) / most
        q = np.clip(rounded(weight / scale[:, None]), -most, most)
        steps = rounded(np.asarray(bias, float) / (scale * scale_in)) - zero_in * q.sum(1)
        pairs = [multiplier(s * scale_in / scale_out) for s in scale]
        # The kernels double a sum before they scale it.
        most_sum = (np.abs(q).sum(1) * 128 + np.abs(steps)) * 2.0 ** np.maximum([s for _, s in pairs], 0)
        if (most_sum >= 2**30).any():
            raise ValueError("%s: a sum of products leaves 31 bits: a range of the calibration is out of proportion"
                             % role)
        payload = q.astype(np.int8).tobytes() if bits == 8 else nibbles(q)
        payload += bytes(-len(payload) % 4)
        payload += steps.astype("<i4").tobytes()
        payload += b"".join(struct.pack("<i", m) for m, _ in pairs)
        payload += b"".join(struct.pack("<b", s) for _, s in pairs)
        self.add(role, layer, index, bits, *weight.shape, payload)

    def norm(self, role, gamma, beta, scale_out, layer=None, index=0):
        """The normalised value in 1/4096 times gamma plus beta, in steps of unit / 4096, inside 32 bits."""
        gamma, beta = np.asarray(gamma, float), np.asarray(beta, float)
        largest = np.abs(gamma).max()
        most = (math.sqrt(len(gamma)) * largest + np.abs(beta).max()) * 4096
        unit = max(largest / 32767, most / (2**31 - 2**17), 1e-9)
        payload = struct.pack("<ii", *multiplier(unit / 4096 / scale_out))
        payload += rounded(beta / unit * 4096).astype("<i4").tobytes()
        payload += rounded(gamma / unit).astype("<i2").tobytes()
        self.add(role, layer, index, 16, 1, len(gamma), payload)

    def bytes(self, config, bits, arena_bytes, name="", variant=""):
        """config as the network's, with `heads` and `hidden` the most of any layer."""
        at = HEADER_BYTES + ENTRY.size * len(self.entries)
        table, body = b"", b""
        for entry, payload in zip(self.entries, self.payloads):
            gap = -(at + len(body)) % ALIGNMENT
            body += bytes(gap)
            table += ENTRY.pack(*entry, at + len(body), len(payload))
            body += payload
        body += bytes(-len(body) % 4)
        c = config
        text = c["task"] == "tokens"
        head = HEADER.pack(
            b"HLDM", VERSION, HEADER_BYTES, at + len(body) + 4, arena_bytes, len(self.entries),
            ARCHITECTURES[c["architecture"]], bits, TASKS[c["task"]], c["layers"], c["heads"], c["head_width"],
            c["tokens"], TOKEN_BYTES if text else c["patch"], c["vocabulary"] if text else 0, c["width"], c["hidden"],
            c["classes"], c["stacks"], c["bottleneck"], c["k"], c["features"], c["chunk"], c["rounds"], c["buckets"],
            word(name, 32), word("int%d" % bits, 8), word(variant, 32))
        whole = head + table + body
        return whole + struct.pack("<I", zlib.crc32(whole))


def word(text, room):
    """What the $M line may carry: printable, no separator, a zero behind it."""
    coded = text.encode("ascii")
    if len(coded) >= room or any(c <= 32 or c > 126 or c in b",*$=" for c in coded):
        raise ValueError("%r is no name of at most %d printable characters" % (text, room - 1))
    return coded


class ModelFile:
    """A file read back: header fields, and tensors as (role, layer, index, bits, rows, columns, payload)."""

    FIELDS = ("magic version header_bytes bytes arena_bytes tensors architecture bits task layers heads head_width "
              "tokens patch vocabulary width hidden classes stacks bottleneck k features chunk rounds buckets "
              "name quant variant").split()

    def __init__(self, data):
        if len(data) < HEADER_BYTES + 4 or data[:4] != b"HLDM":
            raise ValueError("no HLDM header")
        self.header = dict(zip(self.FIELDS, HEADER.unpack_from(data)))
        for key in ("name", "quant", "variant"):
            self.header[key] = self.header[key].split(b"\0")[0].decode("ascii")
        if self.header["version"] != VERSION:
            raise ValueError("version %d, not %d" % (self.header["version"], VERSION))
        if self.header["bytes"] != len(data) or zlib.crc32(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
            raise ValueError("damaged: wrong length or CRC-32")
        self.tensors = []
        for i in range(self.header["tensors"]):
            role, layer, index, bits, rows, columns, at, n = ENTRY.unpack_from(data, HEADER_BYTES + ENTRY.size * i)
            self.tensors.append((NAMES[role][0], layer, index, bits, rows, columns, data[at:at + n]))
