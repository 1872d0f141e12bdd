#!/usr/bin/python3
"""Makes the golden model files beside it: one of each architecture, as small as they come, both quantisations and tasks.

usage: make.py [FOLDER]
"""

import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.append(str(HERE.parents[2] / "firmware-stub/convert"))
import network  # noqa: E402
import quantise  # noqa: E402
import untrained  # noqa: E402

SMALL = {"tokens": 6, "patch": 4, "width": 8, "heads": 2, "head_width": 4, "hidden": 8, "layers": 1, "classes": 2}
FILES = {"full": (8, {}), "mobilebert": (4, {"bottleneck": 4, "stacks": 2}), "linformer": (4, {"k": 3}),
         "performer": (8, {"features": 4}), "reformer": (8, {"chunk": 2, "rounds": 2, "buckets": 4}),
         "text": (8, {"task": "tokens", "vocabulary": 5, "patch": 0})}


def make(name):
    bits, more = FILES[name]
    config = {**untrained.CONFIG, **SMALL, **more, "architecture": "full" if name == "text" else name}
    random = np.random.Generator(np.random.PCG64(7))
    weights = untrained.draw_weights(config, random)
    inputs = untrained.draw_inputs(config, random, 4)
    ranges = network.calibrate(config, weights, inputs)
    return quantise.quantise(config, weights, ranges, bits, name, "golden")


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for name in FILES:
        (folder / (name + ".hlm")).write_bytes(make(name))
