"""How weights are stored: as float16 of seven significant bits, which packs well; a vocabulary's table, and int4's
matrices, as whole steps of one scale a row."""

import numpy as np
import torch

SIGNIFICANT = 7
INT4_STEPS = 7  # from -7 to 7
TABLE_STEPS = 127
# What int4 halves again: the matrices inside the layers.
INT4 = ("q", "k", "v", "qk", "project", "up", "down", "inward", "outward", "e", "f")


def is_int4(name):
    parts = name.split(".")
    return parts[0] == "layers" and (parts[-1] in INT4 or parts[-1] == "weight" and parts[-2] in INT4)


def steps_for(name, int4):
    """The most steps of a row, or None where numbers are stored."""
    return TABLE_STEPS if name == "embed.table" else INT4_STEPS if int4 and is_int4(name) else None


def steps_of(matrix, most):
    """A matrix as steps (int8) and one float32 scale a row."""
    scale = np.maximum(np.abs(matrix).max(1, keepdims=True), 1e-12).astype(np.float32) / np.float32(most)
    return np.clip(np.rint(matrix / scale), -most, most).astype(np.int8), scale


def shortened(tensor):
    mantissa, exponent = torch.frexp(tensor)
    return torch.ldexp(torch.round(mantissa * 2 ** SIGNIFICANT) / 2 ** SIGNIFICANT, exponent).half().float()


def round_state(model, int4):
    """Gives the weights the values that storage keeps. Scores are taken after this."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            most = steps_for(name, int4)
            if most:
                steps, scale = steps_of(tensor.numpy(), most)
                tensor.copy_(torch.from_numpy(steps * scale))
            else:
                tensor.copy_(shortened(tensor))
