#!/usr/bin/python3
"""ONNX -> the firmware's model file.

    convert.py MODEL.onnx[.xz] (--ranges R.json | --calibrate SAMPLES.bin [--keep-ranges R.json]) --bits 8|4 -o OUT.hlm
               [--map names.json] [--name NAME] [--variant WORD]

The graph is run by numpy and must compute what its configuration says (network.py), within 1e-3, on drawn inputs and
on the samples; then ranges (measured on the samples, three digits) and weights become integers. The same ONNX and
ranges give the same bytes on any machine. docs/convert.md: operators, shapes, the file of names for an own encoder.
"""

import argparse
import json
import lzma
import pathlib
import sys

import numpy as np

sys.dont_write_bytecode = True
import sample_list  # noqa: E402
from encoder import check_graph, read_config, read_weights  # noqa: E402
from graph import Graph, Refused  # noqa: E402
from network import calibrate, forward  # noqa: E402
from quantise import quantise  # noqa: E402
from untrained import draw_inputs  # noqa: E402

DIFFERENCE_MOST = 1e-3
DRAWN = 16  # inputs that every conversion compares graph and configuration on
COMPARED = 64  # samples of a list that are compared as well
SEED = 20260101
RANGE_MOST = 1e6
FILE_MOST = 64 << 20


def onnx_bytes(path):
    """What the file holds, unpacked where xz has packed it."""
    with path.open("rb") as file:
        data = file.read(FILE_MOST + 1)
    if path.suffix == ".xz":
        unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ)
        try:
            data = unpacker.decompress(data, FILE_MOST + 1)
        except lzma.LZMAError as error:
            raise Refused("%s is no whole xz file: %s" % (path, error)) from None
        if len(data) <= FILE_MOST and not unpacker.eof:
            raise Refused("%s is no whole xz file: it ends early" % path)
    if len(data) > FILE_MOST:
        raise Refused("%s has more than %d MiB" % (path, FILE_MOST >> 20))
    return data


def stem(path):
    return path.name.removesuffix(".xz").removesuffix(".onnx")


class Model:
    """A graph that has been understood: configuration and weights."""

    def __init__(self, path, names=None):
        self.graph = Graph(onnx_bytes(path))
        names = names or {}
        config = names.get("config", self.graph.metadata.get("hilda.config"))
        if config is None:
            raise Refused("the graph has no metadata hilda.config; a file of names (--map) can hold the configuration")
        self.config = read_config(config)
        check_graph(self.graph, self.config)
        self.weights = read_weights(self.graph, self.config, names.get("weights"))

    def graph_logits(self, inputs):
        c = self.config
        logits = self.graph.run(inputs if c["task"] == "tokens" else inputs / 128)
        if logits.shape != (len(inputs), c["classes"]):
            raise Refused("the graph gives logits of the shape %s for %d samples of %d classes" % (
                list(logits.shape), len(inputs), c["classes"]))
        return logits

    def difference(self, inputs):
        """The largest difference between the graph's logits and those of its configuration."""
        return float(np.abs(self.graph_logits(inputs) - forward(self.config, self.weights, inputs)).max())

    def check(self, inputs):
        drawn = draw_inputs(self.config, np.random.Generator(np.random.PCG64(SEED)), DRAWN)
        some = drawn if inputs is None else np.concatenate([drawn, inputs[:COMPARED]])
        found = self.difference(some)
        # Written so that a NaN is refused.
        if not found <= DIFFERENCE_MOST:
            raise Refused("the graph does not compute what its configuration says: logits differ by %.3g on %d inputs"
                          % (found, len(some)))
        return found, len(some)


def read_json(path):
    try:
        value = json.loads(path.read_text())
    except ValueError as error:
        raise Refused("%s is no JSON: %s" % (path, error)) from None
    if not isinstance(value, dict):
        raise Refused("%s is no JSON object" % path)
    return value


def read_ranges(path, model):
    """Every activation of the model by name; the names are those that a calibration finds."""
    ranges = read_json(path)
    drawn = draw_inputs(model.config, np.random.Generator(np.random.PCG64(SEED)), 2)
    wanted = set(calibrate(model.config, model.weights, drawn))
    if set(ranges) != wanted:
        raise Refused("%s is not of this model: %s" % (path, ", ".join(sorted(set(ranges) ^ wanted)[:6])))
    for name, value in ranges.items():
        if type(value) not in (int, float) or not abs(value) <= RANGE_MOST:
            raise Refused("%s: the range of %s is %r" % (path, name, value))
    return ranges


def write_ranges(path, ranges):
    path.write_text(json.dumps(ranges, indent=0) + "\n")


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--ranges", type=pathlib.Path, help="ranges of the activations, as --keep-ranges writes them")
    source.add_argument("--calibrate", type=pathlib.Path, metavar="SAMPLES", help="measure them on a list of samples")
    parser.add_argument("--keep-ranges", type=pathlib.Path, metavar="R.json")
    parser.add_argument("--bits", type=int, choices=(8, 4), required=True)
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True)
    parser.add_argument("--map", type=pathlib.Path, metavar="NAMES.json", help="which constant is which weight")
    parser.add_argument("--name", help="the model's name on the board; the file's unless given")
    parser.add_argument("--variant", default="onnx", help="a word more about it, as seed-1")
    return parser.parse_args(words)


def run(args):
    model = Model(args.model, read_json(args.map) if args.map else None)
    inputs = sample_list.read(args.calibrate, model.config)[0] if args.calibrate else None
    difference, compared = model.check(inputs)
    ranges = calibrate(model.config, model.weights, inputs) if args.calibrate else read_ranges(args.ranges, model)
    if args.keep_ranges:
        write_ranges(args.keep_ranges, ranges)
    name = args.name or stem(args.model).removesuffix("-int4")
    blob = quantise(model.config, model.weights, ranges, args.bits, name, args.variant)
    args.output.write_bytes(blob)
    print("%s: %d bytes; graph and configuration differ by %.2g on %d inputs" % (
        args.output.name, len(blob), difference, compared))


def main(words):
    args = parse(words)
    try:
        run(args)
    except (Refused, ValueError, OSError) as error:
        sys.exit("%s: %s" % (args.model, error))


if __name__ == "__main__":
    main(sys.argv[1:])
