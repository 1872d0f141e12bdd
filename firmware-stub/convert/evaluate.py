#!/usr/bin/python3
"""Whole test sets: the float network by numpy, int8 and int4 by the firmware's own kernels, its host build.

    evaluate.py --lists build/train --build build/firmware [--models FOLDER] [--out accuracy.json] [NAME...]
    evaluate.py --table [--out accuracy.json]        the table of docs/models.md

Each quantisation is held against the float network sample by sample: flips both ways and McNemar's exact test;
accuracies with Wilson's interval, F1 with a bootstrap's, all at 95 %. --lists: test-fashion.bin, test-spam.bin, as
../train/samples.py --whole makes them. Known entries stay for models that are not named.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import threading
import zlib

import numpy as np

sys.dont_write_bytecode = True
import convert  # noqa: E402
import sample_list  # noqa: E402
from models import MODELS, TASKS  # noqa: E402

NEAR = 4  # tokens that a text may have more or less than a quantile of the lengths
Z95 = 1.959963984540054
DRAWS = 2000  # of the bootstrap
SEED = 20260101
QUANTS = ("int8", "int4")
DEADLINE_S = 900  # of a build, and of a program over a whole test set
# What quantisation may cost, in points of accuracy.
BARS = {"int8": 0.5, "int4": 1.5}


def wilson(hits, n):
    """Wilson's interval of a proportion (1927), in percent."""
    p, z = hits / n, Z95 * Z95 / n
    middle, half = (p + z / 2) / (1 + z), Z95 * math.sqrt(p * (1 - p) / n + z / n / 4) / (1 + z)
    return [round(100 * (middle - half), 3), round(100 * (middle + half), 3)]


def mcnemar(lost, won):
    """Exact and two-sided: the flips fall both ways alike (McNemar 1947)."""
    n, less = lost + won, min(lost, won)
    tail = sum(math.comb(n, k) for k in range(less + 1))
    return min(1.0, float(2 * tail / 2**n)) if n else 1.0


def f1(predicted, labels):
    true = np.sum((predicted == 1) & (labels == 1), -1)
    return 2 * true / np.maximum(np.sum(predicted == 1, -1) + np.sum(labels == 1, -1), 1)


def f1_interval(predicted, labels):
    random = np.random.Generator(np.random.PCG64(SEED))
    values = [f1(predicted[i], labels[i]) for i in random.integers(0, len(labels), (DRAWS, len(labels)))]
    return [round(float(q), 4) for q in np.quantile(values, (0.025, 0.975))]


def score(predicted, labels):
    hits = int((predicted == labels).sum())
    out = {"accuracy": round(100 * hits / len(labels), 3), "interval": wilson(hits, len(labels))}
    if labels.max() == 1:
        out.update(f1=round(float(f1(predicted, labels)), 4), f1_interval=f1_interval(predicted, labels))
    return out


def near_lengths(inputs):
    """Texts about as long as the p50, p95 and p99 of the set are: {"p50": (length, which)}."""
    real = np.where((inputs == 0).any(1), np.maximum(1, (inputs == 0).argmax(1)), inputs.shape[1])
    found = {}
    for p in (50, 95, 99):
        length = int(np.percentile(real, p, method="inverted_cdf"))
        found["p%d" % p] = length, np.abs(real - length) <= NEAR
    return found


def f1_at(near, predicted, labels):
    return {p: round(float(f1(predicted[some], labels[some])), 4) for p, (_, some) in near.items()}


def against(predicted, reference, labels):
    """What changed against the float network, sample by sample."""
    was, is_ = reference == labels, predicted == labels
    lost, won = int((was & ~is_).sum()), int((~was & is_).sum())
    return {"drop": round(100 * (lost - won) / len(labels), 3), "lost": lost, "won": won,
            "flips": int((predicted != reference).sum()), "mcnemar_p": float("%.3g" % mcnemar(lost, won))}


def host_image(model, quant, build):
    done = subprocess.run(["make", "--no-print-directory", "-C", str(MODELS.parent), "BOARD=host", "MODEL=" + model,
                           "QUANT=" + quant, "BUILD=%s" % build.resolve()], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=DEADLINE_S)
    if done.returncode:
        raise convert.Refused("the host image of %s-%s was not built: %s" % (model, quant, done.stdout[-400:]))
    return build.resolve() / "host" / ("%s-%s.elf" % (model, quant))


def crc16(data):
    """CRC-16/CCITT-FALSE: as binascii's, from FFFF."""
    import binascii
    return binascii.crc_hqx(data, 0xFFFF)


def predictions(program, listed, labels, deadline_s=DEADLINE_S):
    """Of each sample what the program's $P line says; every line's checksum is looked at, and the end's count. The
    program is killed when its time is over."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "samples.bin").symlink_to(listed.resolve())
        with subprocess.Popen([str(program)], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            late = threading.Timer(deadline_s, child.kill)
            late.start()
            try:
                found = read_predictions(child, len(labels))
                over = not late.is_alive()
            finally:
                late.cancel()
                child.kill()
    if over:
        raise convert.Refused("%s had not answered after %g s" % (program.name, deadline_s))
    if sorted(found) != list(range(len(labels))):
        raise convert.Refused("%s predicted %d of %d samples" % (program.name, len(found), len(labels)))
    if any(found[i][1] != label for i, label in enumerate(labels)):
        raise convert.Refused("%s holds other labels than %s" % (program.name, listed))
    return np.array([found[i][0] for i in range(len(labels))])


def read_predictions(child, count):
    child.stdin.write(b"lab accuracy %d%%" % count)
    child.stdin.flush()
    found = {}
    for raw in child.stdout:
        line = raw.strip()
        if line.startswith(b"e-["):
            raise convert.Refused(line.decode(errors="replace"))
        if not line.startswith(b"$"):
            continue
        body, _, crc = line[1:].rpartition(b"*")
        if int(crc, 16) != crc16(body):
            raise convert.Refused("a damaged line: %r" % line)
        kind, _, *pairs = body.decode().split(",")
        values = dict(p.split("=", 1) for p in pairs)
        if kind == "P":
            found[int(values["i"])] = int(values["p"]), int(values["y"])
        if kind == "E":
            break
    return found


def evaluate(name, args):
    """The entry of one model."""
    path = args.models / (name + ".onnx.xz")
    model = convert.Model(path)
    listed = args.lists / ("test-%s.bin" % TASKS[model.config["task"]])
    inputs, labels = sample_list.read(listed, model.config)
    reference = convert.forward(model.config, model.weights, inputs).argmax(1)
    out = {"task": TASKS[model.config["task"]], "n": len(labels),
           "test_crc32": "%08x" % zlib.crc32(listed.read_bytes()), "float": score(reference, labels)}
    near = near_lengths(inputs) if model.config["task"] == "tokens" else {}
    if near:
        out["lengths"] = {p: {"length": n, "texts": int(some.sum())} for p, (n, some) in near.items()}
        out["float"]["f1_at"] = f1_at(near, reference, labels)
    for quant in QUANTS:
        if not (args.models / ("%s-%s.hlm" % (name, quant))).exists():
            continue
        predicted = predictions(host_image(name, quant, args.build), listed, labels)
        out[quant] = {**score(predicted, labels), **against(predicted, reference, labels)}
        if near:
            out[quant]["f1_at"] = f1_at(near, predicted, labels)
    return out


def table(known):
    lines = ["| model | task | float | int8 | change | int4 | change |", "|---|---|---|---|---|---|---|"]
    for name, entry in sorted(known.items(), key=lambda item: (item[1]["task"], item[0])):
        key, scale = ("f1", "F1 %.3f (%.3f-%.3f)") if "f1" in entry["float"] else ("accuracy", "%.2f (%.2f-%.2f)")
        interval = "f1_interval" if key == "f1" else "interval"
        cells = [name, entry["task"], scale % (entry["float"][key], *entry["float"][interval])]
        for quant in QUANTS:
            q = entry.get(quant)
            cells += [scale % (q[key], *q[interval]), "%+.2f, p = %.2g (%d lost, %d won)" % (
                0.0 - q["drop"], q["mcnemar_p"], q["lost"], q["won"])] if q else ["-", "-"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write(path, known):
    """One line a score."""
    lines = ",\n".join(json.dumps(name) + ": {" + ",\n ".join(
        "%s: %s" % (json.dumps(key), json.dumps(value, sort_keys=True)) for key, value in sorted(entry.items())) + "}"
        for name, entry in sorted(known.items()))
    path.write_text('{"version": 1, "models": {\n%s\n}}\n' % lines)


def over_the_bar(known):
    """What costs more than it may."""
    return ["%s %s: %.2f points" % (name, quant, entry[quant]["drop"]) for name, entry in known.items()
            for quant in QUANTS if quant in entry and entry[quant]["drop"] > BARS[quant]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--lists", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path)
    parser.add_argument("--models", type=pathlib.Path, default=MODELS)
    parser.add_argument("--out", type=pathlib.Path, default=MODELS / "accuracy.json")
    parser.add_argument("--table", action="store_true")
    args = parser.parse_intermixed_args()
    known = json.loads(args.out.read_text())["models"] if args.out.exists() else {}
    if args.table:
        print(table(known))
        return
    if not args.lists or not args.build:
        parser.error("--lists and --build, or --table")
    names = args.names or [n for n in map(convert.stem, sorted(args.models.glob("*.onnx.xz"))) if not n.endswith("-int4")]
    for name in names:
        known[name] = evaluate(name, args)
        write(args.out, known)
        print(name, json.dumps(known[name]), flush=True)
    print(table({name: known[name] for name in names}))
    if over_the_bar(known):
        sys.exit("more than int8 or int4 may cost: " + "; ".join(over_the_bar(known)))


if __name__ == "__main__":
    try:
        main()
    except (convert.Refused, OSError, subprocess.TimeoutExpired) as error:
        sys.exit(str(error))
