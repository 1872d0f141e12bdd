"""Fashion-MNIST as patches: the fixed splits, and the bytes that a device gets."""

import gzip
import hashlib
import pathlib
import struct

import numpy as np

FOLDER = pathlib.Path("/usr/share/datasets/fashion-mnist")
FILES = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
         "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]
DEV = 5000  # the last of the train file
TOKENS, PATCH, CLASSES = 49, 16, 10


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def idx(path):
    """An IDX file of bytes as an array of its own shape."""
    raw = gzip.decompress(pathlib.Path(path).read_bytes())
    zero, kind, dimensions = struct.unpack(">HBB", raw[:4])
    if zero or kind != 8:
        raise ValueError(f"{path} is no IDX file of bytes")
    shape = struct.unpack(f">{dimensions}I", raw[4:4 + 4 * dimensions])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def patches(images):
    """28 x 28 pixels -> 49 patches of 4 x 4, row by row, int8: what a device gets."""
    n = len(images)
    cut = images.reshape(n, 7, 4, 7, 4).transpose(0, 1, 3, 2, 4).reshape(n, TOKENS, PATCH)
    return (cut.astype(np.int16) - 128).astype(np.int8)


def fashion(folder=FOLDER):
    """{split: (int8 [N, 49, 16], labels [N])} for train, dev and test."""
    images, labels, test_images, test_labels = (idx(folder / name) for name in FILES)
    x, y = patches(images), labels.astype(np.int64)
    return {"train": (x[:-DEV], y[:-DEV]), "dev": (x[-DEV:], y[-DEV:]),
            "test": (patches(test_images), test_labels.astype(np.int64))}


def real(x):
    """The network's input: the device's bytes over 128."""
    return x.astype(np.float32) / 128
