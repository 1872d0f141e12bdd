"""hilda against the real server and agent, on a board that is this host."""

import csv
import io
import json
import os
import subprocess
import sys
import tarfile

import pytest

from conftest import BUILD, ROOT, program, wait_for

sys.path.insert(0, str(ROOT / "tests"))
from lab import Lab  # noqa: E402

IMAGE = BUILD / "firmware/host/full-nano-int8.elf"
PHASES = {"cold": {"boots": 2}, "warm": {"iterations": 20}, "memory": True}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    with Lab(BUILD, folder) as running:
        running.start_server()
        running.start_agent("[board host-1]\ntype = host\nexec = local\n", name="here")
        yield running


@pytest.fixture
def hilda(lab, tmp_path):
    def call(*args, code=0, **more):
        got = subprocess.run([program("hilda"), *map(str, args)], cwd=tmp_path, timeout=120,
                             capture_output=True, text=True,
                             env={**os.environ, "HILDA_SERVER": lab.url}, **more)
        assert got.returncode == code, got.stderr + got.stdout
        return got
    return call


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"name": "from the command line", "board": {"type": "host"},
                                "phases": PHASES, "labels": {"model": "full-nano"}}))
    return path


def test_a_job_from_the_file_to_its_numbers(hilda, document):
    got = json.loads(hilda("submit", document, "-i", IMAGE, "--watch", "--json").stdout)
    assert got["job"]["outcome"] == "passed"
    metrics = {(m["phase"], m["metric"]): m for m in got["run"]["metrics"] if m["boot"] is None}
    assert metrics["warm", "latency_us"]["n"] == 20
    assert metrics["cold", "latency_us"]["n"] == 2
    number = got["job"]["id"]

    shown = hilda("job", number).stdout
    assert "from the command line" in shown and "model=full-nano" in shown
    row = next(line.split() for line in shown.splitlines() if line.startswith("warm   latency_us"))
    assert row[2] == "20" and float(row[3]) == pytest.approx(
        metrics["warm", "latency_us"]["p50"], rel=1e-3)
    assert row[4] == "n<72" and row[5] == "n<368"

    again = json.loads(hilda("rerun", number, "--same-board", "--json").stdout)
    log = hilda("log", "-f", again["id"]).stdout
    assert log.splitlines()[-1].endswith("agent: passed")
    assert "console: m-ready" in log
    # What was followed is what is stored.
    assert hilda("log", again["id"]).stdout == log
    records = [json.loads(line) for line in hilda("log", again["id"], "--json").stdout.splitlines()]
    assert records[0]["from"] == 0
    assert all(a["to"] == b["from"] for a, b in zip(records, records[1:]))
    jobs = json.loads(hilda("jobs", "-l", "model=full-nano", "--json").stdout)
    assert {number, again["id"]} <= {j["id"] for j in jobs}


def test_a_profile_and_agreement_with_the_host_build(hilda, tmp_path):
    said = subprocess.run([IMAGE], cwd=tmp_path, input=b"lab id%lab accuracy 8%", check=True,
                          capture_output=True, timeout=60).stdout
    (tmp_path / "host.txt").write_bytes(said)
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"name": "agrees", "board": {"type": "host"}, "criteria": [
        {"metric": "accuracy.agreement.value", "min": 1},
        {"metric": "accuracy.logits_equal.value", "min": 1}], "phases": {
            "accuracy": {"samples": 8}, "profile": True,
            "warm": {"iterations": 10, "search": 12}}}))
    got = json.loads(hilda("submit", path, "-i", IMAGE, "--file", "reference=host.txt", "--watch",
                           "--json").stdout)
    assert got["job"]["outcome"] == "passed", got["job"]["detail"]
    notes = {m["metric"]: m["note"] for m in got["run"]["metrics"]}
    assert notes["agreement"] == "predictions equal to the host build's: 8 of 8"
    assert notes["logits_equal"] == "logits equal to the host build's, bit for bit: 8 of 8"
    assert "the slowest of 12 tried, seed 1" in notes["worst_us"]
    lines = hilda("job", got["job"]["id"]).stdout.splitlines()
    head = lines.index("Profile: the parts of an inference, from a run of its own")
    parts = [line.split() for line in lines[head + 2:head + 12]]
    assert [p[0] for p in parts[:3]] == ["embed", "qkv", "attention"] and parts[9][0] == "classify"
    assert sum(float(p[-1]) for p in parts) == pytest.approx(100, abs=1)


def test_results_as_table_and_csv(hilda, document):
    number = json.loads(hilda("submit", document, "-i", IMAGE, "-w", "--json").stdout)["job"]["id"]
    rows = list(csv.DictReader(io.StringIO(hilda("results", "--csv").stdout)))
    assert str(number) in [r["job"] for r in rows]
    table = hilda("results").stdout
    assert table.startswith("Measured") and "host-1" in table and "Emulated" not in table
    value = hilda("results", "-m", "warm.latency_us.max", "-n", 1).stdout.splitlines()[-1]
    assert float(value.split()[-1]) > 0
    got = hilda("results", "-m", "warm.latency.max", code=2)
    assert "has no metric" in got.stderr


def test_a_bundle_of_a_real_job(hilda, document, tmp_path):
    number = json.loads(hilda("submit", document, "-i", IMAGE, "-w", "--json").stdout)["job"]["id"]
    hilda("job", "bundle", number, "-o", "all.tar")
    with tarfile.open(tmp_path / "all.tar") as tar:
        files = {m.name.split("/", 1)[1]: tar.extractfile(m).read() for m in tar}
    assert files["image"] == IMAGE.read_bytes()
    assert json.loads(files["document.json"])["name"] == "from the command line"
    run = next(n.split("/")[1] for n in files if n.endswith("/run.json"))
    samples = json.loads(files[f"runs/{run}/samples/warm.latency_us.json"])
    assert len(samples["boots"][0]["values"]) == 20
    assert b"passed" in files[f"runs/{run}/log.txt"]
    assert len(files[f"runs/{run}/log.bin"]) > len(files[f"runs/{run}/log.txt"]) / 2


def test_a_suite_of_two_cells(hilda, tmp_path):
    suite = tmp_path / "suite.json"
    suite.write_text(json.dumps({
        "name": "two", "vars": {"out": "nowhere"}, "matrix": {"n": [10, 20]},
        "image": "${out}/full-nano-int8.elf",
        "job": {"board": {"type": "host"}, "phases": {"warm": {"iterations": "${n}"}}}}))
    got = hilda("suite", "run", suite, "--set", f"out={IMAGE.parent}", "--json")
    runs = [j["run"] for j in json.loads(got.stdout)["jobs"]]
    assert [next(m["n"] for m in r["metrics"] if m["metric"] == "latency_us") for r in runs] == [
        10, 20]


def test_what_the_server_refuses(hilda, document):
    got = hilda("submit", document, "-s", f"image=sha256:{'12' * 32}", code=4)
    assert "hilda:" in got.stderr
    hilda("job", 987654, code=4)
    hilda("cancel", 987654, code=4)
    assert "known" in hilda("jobs", "--state", "asleep", code=4).stderr


def test_a_job_that_waits_says_why_and_is_canceled(hilda, document):
    number = json.loads(hilda("submit", document, "-i", IMAGE, "-s", "board.type=no-such-type",
                              "--json").stdout)["id"]
    shown = wait_for(lambda: (t := hilda("job", number).stdout) and "no-such-type" in t and t)
    assert "queued: " in shown
    assert "canceled" in hilda("cancel", number).stdout
    assert "canceled" in hilda("job", number).stdout


def test_the_fleet(hilda):
    assert "host-1" in hilda("boards").stdout and "program" in hilda("boards").stdout
    agents = json.loads(hilda("agents", "--json").stdout)
    assert [a["name"] for a in agents] == ["here"]
    assert "here" in hilda("agents").stdout


def test_every_command_answers_in_json(hilda, document, tmp_path):
    """But those that pass bytes on: console. What needs a debug probe or a PPK2 is asked where there is one."""
    suite = tmp_path / "suite.json"
    suite.write_text(json.dumps({"name": "asked", "matrix": {"n": [1]}, "image": str(IMAGE),
                                 "job": {"board": {"type": "host"}, "phases": {"memory": True}}}))
    number = json.loads(hilda("submit", document, "-i", IMAGE, "-w", "--json").stdout)["job"]["id"]
    waits = json.loads(hilda("submit", document, "-i", IMAGE, "-s", "board.type=none", "--json").stdout)["id"]
    calls = {"jobs": [], "job": [number], "job bundle": [number], "log": [number], "cancel": [waits],
             "suite run": [suite], "suite put": [suite], "suite list": [], "suite show": ["asked"],
             "reserve": ["host-1", "--reason", "asked"], "rerun": [number], "suite start": ["asked"],
             "suite cancel": [1], "suite retry": [1], "suite results": [1], "release": ["host-1"],
             "schedule add": ["asked", "0 3 * * *"], "schedule list": [], "schedule pause": [1],
             "schedule resume": [1], "schedule run": [1], "schedule remove": [1], "results": [], "leaderboard": [],
             "boards": [], "agents": [], "metrics": [], "ppk2 info": [], "model size": [],
             "model info": [ROOT / "firmware-stub/models/distilbert-nano-int8.hlm"], "help": [], "version": []}
    elsewhere = {"submit", "console", "gdb", "ppk2 record", "ppk2 convert"}
    known = {c["name"] for c in json.loads(hilda("help", "--json").stdout)}
    assert known == set(calls) | elsewhere, "a command without its row here"
    for name, args in calls.items():
        got = hilda(*name.split(), *args, "--json").stdout
        for text in got.splitlines() if name == "log" else [got]:
            json.loads(text)
