#!/usr/bin/python3
"""Brings what was trained into the repository: ONNX of seed 1, a log and an entry of provenance for each model.

    publish.py --out build/train --spam build/train/npm
    publish.py --out build/train --compare
    publish.py --table          docs/models.md's table of seeds

--compare changes nothing and prints how the accuracies in the build folder differ from the committed ones.
"""

import argparse
import hashlib
import json
import lzma
import pathlib
import re
import statistics
import sys

import data

HERE = pathlib.Path(__file__).resolve().parent
SEED = 1  # the committed one, whatever it reached


def results(folder, quant):
    """{seed: what a run of that seed reached} of the runs that ended."""
    found = {}
    for path in folder.glob("seed*.json"):
        seed, _, kind = path.stem.removeprefix("seed").partition("-")
        if (kind or "float") == quant:
            found[int(seed)] = json.loads(path.read_text())
    return dict(sorted(found.items()))


def summary(seeds, key):
    """Test scores of every seed, their mean and, where there are two at least, the sample deviation."""
    values = [s["test"][key] for s in seeds.values() if key in s["test"]]
    if not values:
        return {}
    out = {"seeds": {str(k): s["test"][key] for k, s in seeds.items()}, "mean": round(statistics.mean(values), 4)}
    if len(values) > 1:
        out["deviation"] = round(statistics.stdev(values), 4)
    return out


def entry(folder):
    """One model's part of provenance.json."""
    out = {}
    for quant in ("float", "int4"):
        seeds = results(folder, quant)
        if not seeds:
            continue
        tests = {k: v.get("float", v) for k, v in seeds.items()}
        out[quant] = {"accuracy": summary(tests, "accuracy"), "f1": summary(tests, "f1"),
                      "dev": {str(k): v["dev"]["accuracy"] for k, v in tests.items()}}
        if not out[quant]["f1"]:
            del out[quant]["f1"]
        if "parameters" in next(iter(seeds.values())):
            out["parameters"] = next(iter(seeds.values()))["parameters"]
    return out


def models_in(out):
    return sorted(p.name for p in out.iterdir() if (p / f"seed{SEED}.json").exists())


def publish(out, models, spam):
    import torch

    import export
    import net
    import prune
    import train
    provenance = {"version": 1, "torch": torch.__version__, "committed_seed": SEED, "tasks": describe_tasks(spam, models), "models": {},
                  "hyper_parameters": {"batch": train.BATCH, "patches": train.FASHION, "tokens": train.SPAM,
                                       "of_one_model": train.HYPER}}
    (models / "logs").mkdir(parents=True, exist_ok=True)
    for name in models_in(out):
        if name.endswith("-sst2"):  # the user's own text stays there
            continue
        folder = out / name
        kind = "patches" if train.kind_of(name) == "fashion" else "tokens"
        provenance["models"][name] = entry(folder)
        text = []
        for quant, end in (("float", ""), ("int4", "-int4")):
            for seed in results(folder, quant):
                text.append((folder / f"seed{seed}{end}.log").read_text())
            if SEED not in results(folder, quant):
                continue
            state = torch.load(folder / f"seed{SEED}{end}.pt")
            model = net.Encoder(net.config_of(train.base_of(prune.origin(name)), kind))
            prune.shaped_like(model, state).load_state_dict(state)
            blob = export.to_onnx(model, int4=quant == "int4")
            (models / f"{name}{end}.onnx.xz").write_bytes(packed(blob))
            provenance["models"][name][quant]["onnx_sha256"] = hashlib.sha256(blob).hexdigest()
        (models / "logs" / f"{name}.log").write_text("".join(text))
        print(f"published {name}", flush=True)
    (models / "provenance.json").write_text(compact(json.dumps(provenance, indent=1, sort_keys=True)) + "\n")


def packed(blob):
    """By xz, aligned as suits floats of two bytes or as suits bytes."""
    return min((lzma.compress(blob, filters=[{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": lc, "lp": lp,
                                              "pb": 0}]) for lc, lp in ((0, 1), (2, 1), (3, 0))), key=len)


def describe_tasks(spam, models):
    """What went in: files by hash, splits, and what was drawn with which seed."""
    import numpy as np

    import mail
    import samples
    import words
    splits = mail.spam(spam)
    real = words.lengths(splits["test"][0])
    return {
        "patches": {"files": {name: data.sha256(data.FOLDER / name) for name in data.FILES},
                    "splits": {"train": "first 55000 of the train file", "dev": "last 5000 of the train file",
                               "test": "the test file's 10000"},
                    "samples_sha256": data.sha256(models / "samples-fashion.bin")},
        "tokens": {"package": json.loads((HERE / "package.json").read_text())["dependencies"],
                   "mails_sha256": mail.corpus_sha256(spam),
                   "tokenizer": {"version": words.VERSION, "vocabulary_sha256": data.sha256(mail.VOCABULARY)},
                   "splits": {name: {"mails": len(y), "spam": int(y.sum())} for name, (_, y) in splits.items()},
                   "test_lengths": {**{f"p{p}": int(np.percentile(real, p, method="inverted_cdf"))
                                       for p in (50, 95, 99)},
                                    "histogram": np.bincount(real, minlength=words.TOKENS + 1)[1:].tolist()},
                   "positive_class": "spam",
                   "samples_sha256": data.sha256(models / "samples-spam.bin")},
        "draws": {"seed": samples.SEED, "device_samples": samples.COUNT, "calibration_samples": samples.CALIBRATION}}


def compact(text):
    """Lists and objects of plain numbers on one line."""
    return re.sub(r'\[[\d\s,]*\]|\{(?:\s*"\w+": [-\d.]+,?)+\s*\}', lambda m: " ".join(m.group().split()), text)


def compare(out, models):
    """Prints trained against committed."""
    committed = json.loads((models / "provenance.json").read_text())["models"]
    for name in models_in(out):
        for quant in ("float", "int4"):
            now = entry(out / name).get(quant)
            then = committed.get(name, {}).get(quant)
            if not now:
                continue
            if not then:
                print(f"{name} {quant}: nothing committed")
                continue
            for seed, value in now["accuracy"]["seeds"].items():
                before = then["accuracy"]["seeds"].get(seed)
                print(f"{name} {quant} seed {seed}: test {value:.2f}" +
                      (f", committed {before:.2f}, difference {value - before:+.2f}" if before is not None
                       else ", not committed"))


def spread(quant):
    """Test score of the committed seed, and what all of them reached."""
    if not quant:
        return ["-", "-"]
    scores = quant.get("f1") or quant["accuracy"]
    form = "%.3f" if "f1" in quant else "%.2f"
    all_of = "one seed" if "deviation" not in scores else "%s ± %s (%d)" % (
        form % scores["mean"], form % scores["deviation"], len(scores["seeds"]))
    return [form % scores["seeds"][str(SEED)], all_of]


def table(models):
    """Accuracy in percent of patches, F1 of texts."""
    print(f"| model | float, seed {SEED} | mean ± deviation (seeds) | int4, seed {SEED} | mean ± deviation (seeds) |")
    print("|---|---|---|---|---|")
    for name, of in sorted(json.loads((models / "provenance.json").read_text())["models"].items(),
                           key=lambda item: ("f1" in item[1]["float"], item[0])):
        print("| " + " | ".join([name, *spread(of["float"]), *spread(of.get("int4"))]) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--models", type=pathlib.Path, default=HERE.parent / "models")
    parser.add_argument("--spam", type=pathlib.Path, help="the folder where npm put the mails")
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    if not args.out and not args.table:
        parser.error("--out, or --table")
    if args.table:
        table(args.models)
    elif args.compare:
        compare(args.out, args.models)
    else:
        publish(args.out, args.models, args.spam)


if __name__ == "__main__":
    sys.exit(main())
