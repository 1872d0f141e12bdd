#!/usr/bin/python3
"""The committed models: ONNX and ranges in, model files out.

    models.py convert [--models FOLDER] [--out FOLDER] [NAME...]      needs no data set
    models.py ranges --lists FOLDER [--models FOLDER] [NAME...]       measures them anew, on calibration-*.bin of FOLDER

NAME.onnx.xz with NAME.ranges.json becomes NAME-int8.hlm, NAME-int4.onnx.xz with NAME-int4.ranges.json NAME-int4.hlm.
../train/samples.py --whole makes the lists.
"""

import argparse
import json
import pathlib
import sys

sys.dont_write_bytecode = True
import convert  # noqa: E402
import sample_list  # noqa: E402

MODELS = pathlib.Path(__file__).resolve().parent.parent / "models"
TASKS = {"patches": "fashion", "tokens": "spam"}


def sources(folder, only):
    found = {convert.stem(p): p for p in sorted(folder.glob("*.onnx.xz"))}
    for name in only:
        if name not in found:
            sys.exit("%s: there is no %s.onnx.xz; known: %s" % (name, folder / name, ", ".join(found) or "none"))
    return {name: found[name] for name in only or found}


def variant(folder):
    """Which of the trained seeds is committed."""
    path = folder / "provenance.json"
    return "seed-%d" % json.loads(path.read_text())["committed_seed"] if path.exists() else "onnx"


def ranges_of(path):
    return path.with_name(convert.stem(path) + ".ranges.json")


def target(stem):
    """Name of the model file, and its bits."""
    return (stem + ".hlm", 4) if stem.endswith("-int4") else (stem + "-int8.hlm", 8)


def convert_all(args):
    for stem, path in sources(args.models, args.names).items():
        out, bits = target(stem)
        convert.main([str(path), "--ranges", str(ranges_of(path)), "--bits", str(bits), "--variant",
                      variant(args.models), "-o", str((args.out or args.models) / out)])


def measure_ranges(args):
    for stem, path in sources(args.models, args.names).items():
        model = convert.Model(path)
        inputs, _ = sample_list.read(args.lists / ("calibration-%s.bin" % TASKS[model.config["task"]]), model.config)
        difference, compared = model.check(inputs)
        convert.write_ranges(ranges_of(path), convert.calibrate(model.config, model.weights, inputs))
        print("%s: graph and configuration differ by %.2g on %d inputs" % (stem, difference, compared), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("convert", "ranges"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--models", type=pathlib.Path, default=MODELS)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--lists", type=pathlib.Path)
    args = parser.parse_intermixed_args()
    if args.what == "ranges" and not args.lists:
        parser.error("ranges needs --lists")
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
    try:
        {"convert": convert_all, "ranges": measure_ranges}[args.what](args)
    except (convert.Refused, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
