"""Lists of samples, the form HLDS: what boards hold, calibration reads, and whole test sets travel in."""

import struct

import numpy as np

from graph import Refused

HEADER = struct.Struct("<4sHHHH")


def read(path, config):
    """Inputs as the device takes them, int8 [N, T, P] or ids [N, T], and labels [N]."""
    data = path.read_bytes()
    if len(data) < HEADER.size or data[:4] != b"HLDS":
        raise Refused("%s is no list of samples: no HLDS header" % path)
    _, version, count, tokens, per_token = HEADER.unpack_from(data)
    at = HEADER.size
    if version == 2:  # more than 65,535
        count, at = struct.unpack_from("<I", data, at)[0], at + 4
    elif version != 1:
        raise Refused("%s has version %d, not 1 or 2" % (path, version))
    text = config["task"] == "tokens"
    if tokens != config["tokens"] or per_token != (2 if text else config["patch"]):
        raise Refused("%s holds samples of %d x %d bytes, the model takes %d x %d" % (
            path, tokens, per_token, config["tokens"], 2 if text else config["patch"]))
    first = (at + count + 3) // 4 * 4
    if not count or len(data) != first + count * tokens * per_token:
        raise Refused("%s has %d bytes; %d samples are %d" % (path, len(data), count, first + count * tokens * per_token))
    labels = np.frombuffer(data, np.uint8, count, at).astype(np.int64)
    inputs = np.frombuffer(data, "<u2" if text else np.int8, offset=first)
    inputs = inputs.astype(np.int64 if text else np.int8).reshape(count, tokens, *([] if text else [per_token]))
    if text and inputs.max() >= config["vocabulary"]:
        raise Refused("%s holds the word %d, the vocabulary %d" % (path, inputs.max(), config["vocabulary"]))
    return inputs, labels


def write(path, inputs, labels):
    text = inputs.ndim == 2
    per_token = 2 if text else inputs.shape[2]
    if len(inputs) > 65535:
        head = HEADER.pack(b"HLDS", 2, 0, inputs.shape[1], per_token) + struct.pack("<I", len(inputs))
    else:
        head = HEADER.pack(b"HLDS", 1, len(inputs), inputs.shape[1], per_token)
    head += bytes(int(n) for n in labels)
    path.write_bytes(head + bytes(-len(head) % 4) + inputs.astype("<u2" if text else np.int8).tobytes())
