"""The suites of this repository: each expands into jobs that the server would take, with the labels that the
leaderboard tells cells apart by."""

import json
import subprocess

import pytest
from conftest import ROOT, program

SUITES = sorted((ROOT / "suites").glob("*.json"))
CELL = ("model", "quant", "variant", "kernel", "task", "attention", "base", "heads", "ff", "tokens", "length")


@pytest.mark.parametrize("path", SUITES, ids=[p.stem for p in SUITES])
def test_a_suite_expands_and_its_cells_differ_on_the_leaderboard(path):
    got = subprocess.run([program("hilda"), "suite", "run", path, "--dry-run", "--json"], cwd=ROOT, capture_output=True,
                         text=True)
    assert got.returncode == 0, got.stderr
    cells = json.loads(got.stdout)
    labels = [c["job"]["labels"] for c in cells]
    assert all(a["model"] and a["quant"] and a["task"] and a["suite"] == path.stem for a in labels)
    keys = {(c["job"]["board"]["type"], *(a.get(k) for k in CELL)) for c, a in zip(cells, labels)}
    assert len(keys) == len(cells), "two cells would take each other's place"
    if path.stem in ("transformers", "pruning", "text"):
        assert any(a.get("attention") == "full" and not a.get("base") for a in labels), "what all else is compared with"


@pytest.mark.parametrize("name", ["transformers", "text", "quantisation", "pruning"])
def test_devices_are_held_against_the_host_build(name):
    suite = json.loads((ROOT / "suites" / (name + ".json")).read_text())
    assert suite["files"]["reference"] == "${reference}" and suite["build"].endswith(" image reference")
    assert suite["vars"]["reference"] == "${out}/reference/${model}-${quant}.txt"
    without = [w["matrix"]["board"] for w in suite["where"] if w["vars"].get("reference") == ""]
    # The host has the whole set, a microbit a part of the list.
    assert set(without) <= {"host", "microbit"} and "host" in without


def test_a_reference_is_what_the_host_says_of_the_list(build):
    def make(target):
        subprocess.run(["make", "-s", "-C", ROOT / "firmware-stub", "BOARD=host", "MODEL=tinybert-nano", "QUANT=int4",
                        "BUILD=%s" % (build / "firmware"), target], check=True, capture_output=True, text=True)
    make("reference")
    said = (build / "firmware/reference/tinybert-nano-int4.txt").read_bytes()
    told = subprocess.run([build / "firmware/host/tinybert-nano-int4.elf"], input=b"lab id%lab accuracy 100%",
                          capture_output=True, timeout=60, check=True).stdout
    lines = [[x for x in text.split(b"\r\n") if x[:2] in (b"$M", b"$P")] for text in (said, told)]
    assert lines[0] == lines[1] and len(lines[0]) > 100


def test_the_search_is_short():
    assert len((ROOT / "suites/search.py").read_text().splitlines()) <= 60
