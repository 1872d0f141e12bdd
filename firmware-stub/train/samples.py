#!/usr/bin/python3
"""Lists of samples (HLDS, docs/models.md): what boards hold, what conversion calibrates with, whole test sets.

    samples.py --spam build/train/npm --models firmware-stub/models     the committed 100 of each task
    samples.py --spam build/train/npm --whole build/train               test-fashion.bin, calibration-fashion.bin, ...

Which samples is drawn from SEED before any model is looked at.
"""

import argparse
import pathlib
import struct
import sys

import numpy as np

import data
import mail

SEED = 20261126
COUNT, CALIBRATION = 100, 512
HEADER = struct.Struct("<4sHHHH")


def drawn(count, of, what):
    """`count` indices of `of`; each purpose has a draw of its own."""
    return np.random.default_rng([SEED, *what.encode()]).permutation(of)[:count]


def pack(x, y):
    """One list as bytes: int8 patches [N, T, P], or ids [N, T] as little-endian u16."""
    if len(y) > 0xffff:
        raise ValueError("version 1 counts in 16 bits")
    head = HEADER.pack(b"HLDS", 1, len(y), x.shape[1], x.shape[2] if x.ndim == 3 else 2) + bytes(y.tolist())
    return head + bytes(-len(head) % 4) + x.astype(np.int8 if x.ndim == 3 else "<u2").tobytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spam", type=pathlib.Path, help="the folder where npm put the mails; without it fashion only")
    parser.add_argument("--models", type=pathlib.Path)
    parser.add_argument("--whole", type=pathlib.Path)
    args = parser.parse_args()
    tasks = {"fashion": data.fashion()}
    if args.spam:
        tasks["spam"] = mail.spam(args.spam)
    for name, splits in tasks.items():
        x, y = splits["test"]
        if args.models:
            some = drawn(COUNT, len(y), "device " + name)
            (args.models / f"samples-{name}.bin").write_bytes(pack(x[some], y[some]))
        if args.whole:
            args.whole.mkdir(parents=True, exist_ok=True)
            (args.whole / f"test-{name}.bin").write_bytes(pack(x, y))
            x, y = splits["train"]
            some = drawn(CALIBRATION, len(y), "calibration " + name)
            (args.whole / f"calibration-{name}.bin").write_bytes(pack(x[some], y[some]))


if __name__ == "__main__":
    sys.exit(main())
