"""How weights are stored: float16, and int4's matrices as whole steps of one scale a row."""

import numpy as np
import torch

STEPS = 7  # int4 runs from -7 to 7
# What int4 halves again: the matrices inside the layers.
INT4 = ("q", "k", "v", "qk", "project", "up", "down", "inward", "outward", "e", "f")


def is_int4(name):
    parts = name.split(".")
    return parts[0] == "layers" and (parts[-1] in INT4 or parts[-1] == "weight" and parts[-2] in INT4)


def steps_of(matrix):
    """A matrix as steps (int8) and one float32 scale a row."""
    scale = np.maximum(np.abs(matrix).max(1, keepdims=True), 1e-12).astype(np.float32) / np.float32(STEPS)
    return np.clip(np.rint(matrix / scale), -STEPS, STEPS).astype(np.int8), scale


def round_state(model, int4):
    """Gives the weights the values that storage keeps. Scores are taken after this."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if int4 and is_int4(name):
                steps, scale = steps_of(tensor.numpy())
                tensor.copy_(torch.from_numpy(steps * scale))
            else:
                tensor.copy_(tensor.half().float())
