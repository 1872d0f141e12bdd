"""Lists of samples, the form HLDS: what calibration and evaluation read."""

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
    if version != 1:
        raise Refused("%s has version %d, not 1" % (path, version))
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
