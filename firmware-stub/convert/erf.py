"""The error function of arrays, to 1e-14: numpy has none, and math.erf one value at a time takes most of a forward run."""

import math

import numpy as np

STEP = 256  # points of the table in a unit
FAR = 6  # from here on it is 1 to the last digit


def table():
    """Taylor's coefficients at every point: the derivatives are Hermite's polynomials times a Gaussian."""
    x = np.arange(-FAR * STEP, FAR * STEP + 1) / STEP
    slope = 2 / math.sqrt(math.pi) * np.exp(-x * x)
    return [np.array([math.erf(v) for v in x]), slope, -x * slope, (4 * x * x - 2) / 6 * slope,
            -(8 * x ** 3 - 12 * x) / 24 * slope]


TABLE = table()


def erf(x):
    x = np.clip(np.asarray(x, float), -FAR, FAR)  # a NaN stays one
    nearest = np.rint(x * STEP)
    at = np.where(np.isnan(x), 0, nearest).astype(np.intp) + FAR * STEP
    d = x - nearest / STEP
    sum_ = TABLE[4][at]
    for coefficients in TABLE[3::-1]:
        sum_ *= d
        sum_ += coefficients[at]
    return sum_
