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


def test_the_search_is_short():
    assert len((ROOT / "suites/search.py").read_text().splitlines()) <= 60
