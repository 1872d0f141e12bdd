"""The lease protocol in Promela: spin visits every state; each protection, taken away, must be missed."""

import re
import subprocess

import pytest
from conftest import ROOT, need

MODEL = ROOT / "tests/model/lease.pml"


def explore(folder, *defines):
    """Builds the verifier and runs it. Returns (states, errors, the assertion that failed or "")."""
    subprocess.run(["spin", "-a", *defines, MODEL], cwd=folder, check=True, stdout=subprocess.PIPE)
    subprocess.run(["gcc", "-O0", "-DSAFETY", "-w", "-o", "pan", "pan.c"], cwd=folder, check=True)
    out = subprocess.run(["./pan", "-m100000"], cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "Search not completed" not in out or "errors: 1" in out, out
    states = int(re.search(r"(\d+) states, stored", out).group(1))
    errors = int(re.search(r"errors: (\d+)", out).group(1))
    failed = re.search(r"assertion violated (.+) \(at", out)
    return states, errors, failed.group(1).strip("()") if failed else ""


def test_no_state_breaks_a_promise(tmp_path):
    need("spin")
    states, errors, failed = explore(tmp_path)
    assert errors == 0, failed
    assert states > 10000, "the model has become too small to mean anything"


@pytest.mark.parametrize("define, promise", [("-DNO_LOCK", "drivers==0"), ("-DNO_EPOCH", "e>driven"),
                                             ("-DNO_CONFIRM", "charged[e]")])
def test_each_protection_is_needed(tmp_path, define, promise):
    need("spin")
    _, errors, failed = explore(tmp_path, define)
    assert errors == 1 and promise in failed, failed
