#!/usr/bin/python3
"""Our numbers beside ONNX Runtime's, both as jobs of a real lab on a board that is this host (exec).

    compare.py --build build --launcher build/runtimes/onnxruntime --lists build/train/lists [NAME...]

Of each model: predictions of the whole test set by ONNX Runtime's float32, beside our float (numpy, accuracy.json), and
the median latency of one inference, ONNX Runtime's beside our int8 kernels' host build, one thread each. Writes
BUILD/runtimes/runtimes.json. Exit code 1 where ONNX Runtime's accuracy is not our float's within 0.1 points.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[1:1] = [str(ROOT / "tests"), str(HERE.parent / "convert")]
from convert import onnx_bytes  # noqa: E402
from evaluate import host_image  # noqa: E402
from lab import Lab  # noqa: E402
from models import MODELS  # noqa: E402

TASKS = {"fashion": "test-fashion.bin", "spam": "test-spam.bin"}
POINTS = 0.1
ITERATIONS = 400
TIMEOUT_S = 3600


def job(lab, build, image, files, document):
    """The run of a job that passed."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "job.json"
        path.write_text(json.dumps({"name": document.pop("name"), "board": {"type": "host"}, **document}))
        argv = [build / "bin/hilda", "submit", path, "--image", image, "--watch", "--json", "--server", lab.url]
        for name, file in files.items():
            argv += ["--file", "%s=%s" % (name, file)]
        done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=TIMEOUT_S)
    if done.returncode:
        raise SystemExit("%s: %s\n%s" % (image, done.stderr[-400:], done.stdout[-600:]))
    return json.loads(done.stdout)["run"]


def metric(run, phase, name, stat):
    for m in run["metrics"]:
        if (m["phase"], m["metric"], m["boot"]) == (phase, name, None):
            return m["value"] if stat == "value" and "value" in m else m[stat]
    raise SystemExit("run %s has no %s.%s" % (run.get("id"), phase, name))


def compare(name, entry, lab, args):
    listed = args.lists / TASKS[entry["task"]]
    graph = args.build / "runtimes" / (name + ".onnx")
    graph.write_bytes(onnx_bytes(MODELS / (name + ".onnx.xz")))
    warm = {"iterations": ITERATIONS, "warmup": 50}
    phases = {"warm": warm, "accuracy": {"samples": entry["n"]}}
    timeouts = {"phase": TIMEOUT_S // 2}
    theirs = job(lab, args.build, args.launcher, {"model.onnx": graph, "samples.bin": listed},
                 {"name": name + " by ONNX Runtime", "phases": phases, "timeouts_s": timeouts})
    ours = job(lab, args.build, host_image(name, "int8", args.build / "firmware"), {"samples.bin": listed},
               {"name": name + " by our int8 kernels", "phases": phases, "timeouts_s": timeouts})
    return {"onnxruntime_accuracy": round(100 * accuracy(theirs), 3), "float_accuracy": entry["float"]["accuracy"],
            "int8_accuracy": round(100 * accuracy(ours), 3), "int8_evaluated": entry["int8"]["accuracy"],
            "onnxruntime_p50_us": metric(theirs, "warm", "latency_us", "p50"),
            "int8_p50_us": metric(ours, "warm", "latency_us", "p50")}


def accuracy(run):
    return metric(run, "accuracy", "accuracy", "value")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    for option in ("--build", "--launcher", "--lists"):
        parser.add_argument(option, type=lambda p: pathlib.Path(p).resolve(), required=True)
    args = parser.parse_intermixed_args()
    known = json.loads((MODELS / "accuracy.json").read_text())["models"]
    results, wrong = {}, []
    with tempfile.TemporaryDirectory() as folder, Lab(args.build, folder) as lab:
        lab.start_server()
        lab.start_agent("[board host-1]\ntype = host\nexec = local\n")
        for name in args.names or known:
            r = results[name] = compare(name, known[name], lab, args)
            print(name, json.dumps(r), flush=True)
            if abs(r["onnxruntime_accuracy"] - r["float_accuracy"]) > POINTS or r["int8_accuracy"] != r["int8_evaluated"]:
                wrong.append(name)
    (args.launcher.parent / "runtimes.json").write_text(json.dumps(results, indent=1) + "\n")
    if wrong:
        sys.exit("accuracies differ: " + ", ".join(wrong))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
