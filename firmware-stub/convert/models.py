#!/usr/bin/python3
"""The committed models: ONNX and ranges in, model files out.

    models.py convert [--models FOLDER] [--out FOLDER] [NAME...]      needs no data set
    models.py ranges  --mails FOLDER [--models FOLDER] [NAME...]      measures the ranges anew, on training samples
    models.py tests   --mails FOLDER --out FOLDER                     the whole test sets, as HLDS

NAME.onnx with NAME.ranges.json becomes NAME-int8.hlm, NAME-int4.onnx with NAME-int4.ranges.json NAME-int4.hlm.
FOLDER of --mails: where `npm ci` of firmware-stub/train was run.
"""

import argparse
import json
import pathlib
import sys

import numpy as np

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parent / "train"))  # the data sets' splits are training's
import convert  # noqa: E402
import samples  # noqa: E402

CALIBRATED_ON = 512  # training samples
SEED = 20260101
TASKS = {"patches": "fashion", "tokens": "spam"}


def sources(folder, only):
    found = {p.stem: p for p in sorted(folder.glob("*.onnx"))}
    for name in only:
        if name not in found:
            sys.exit("%s: there is no %s.onnx; known: %s" % (name, folder / name, ", ".join(found) or "none"))
    return {name: found[name] for name in only or found}


def variant(folder):
    """Which of the trained seeds is committed."""
    path = folder / "provenance.json"
    return "seed-%d" % json.loads(path.read_text())["committed_seed"] if path.exists() else "onnx"


def target(stem):
    """Name of the model file, and its bits."""
    return (stem + ".hlm", 4) if stem.endswith("-int4") else (stem + "-int8.hlm", 8)


def convert_all(args):
    for stem, path in sources(args.models, args.names).items():
        out, bits = target(stem)
        convert.main([str(path), "--ranges", str(path.with_suffix(".ranges.json")), "--bits", str(bits), "--variant",
                      variant(args.models), "-o", str((args.out or args.models) / out)])


def data_sets(mails):
    """Read when first asked for: {task: {split: (inputs, labels)}}."""
    import data
    sets = {"patches": data.fashion()}
    if mails:
        import mail
        sets["tokens"] = mail.spam(mails)
    return sets


def measure_ranges(args):
    sets = data_sets(args.mails)
    for stem, path in sources(args.models, args.names).items():
        model = convert.Model(path)
        if model.config["task"] not in sets:
            print("%s: left out, --mails names no folder" % stem)
            continue
        inputs = sets[model.config["task"]]["train"][0]
        random = np.random.Generator(np.random.PCG64(SEED))
        inputs = inputs[random.choice(len(inputs), CALIBRATED_ON, replace=False)]
        difference, compared = model.check(inputs)
        convert.write_ranges(path.with_suffix(".ranges.json"),
                             convert.calibrate(model.config, model.weights, inputs))
        print("%s: graph and configuration differ by %.2g on %d inputs" % (stem, difference, compared))


def write_tests(args):
    for task, splits in data_sets(args.mails).items():
        samples.write(args.out / ("test-%s.bin" % TASKS[task]), *splits["test"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("convert", "ranges", "tests"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--models", type=pathlib.Path, default=HERE.parent / "models")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--mails", type=pathlib.Path)
    args = parser.parse_args()
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
    if args.what == "tests" and not args.out:
        parser.error("tests needs --out")
    {"convert": convert_all, "ranges": measure_ranges, "tests": write_tests}[args.what](args)


if __name__ == "__main__":
    main()
