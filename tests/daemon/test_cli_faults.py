"""hilda against a server that misbehaves: every exit code, and what is tried again."""

import hashlib
import json
import os
import pty
import signal
import socket
import subprocess
import tarfile

import pytest

from conftest import program, wait_for
from fake_server import FakeServer

PASSED = {"state": "succeeded", "outcome": "passed", "finished_at": "2026-01-02T03:04:15.000Z",
          "started_at": "2026-01-02T03:04:06.000Z"}


@pytest.fixture
def fake():
    server = FakeServer()
    yield server
    server.close()


@pytest.fixture
def hilda(fake, tmp_path):
    def call(*args, url=fake.url, **more):
        return subprocess.run([program("hilda"), "--server", url, *map(str, args)], cwd=tmp_path,
                              capture_output=True, text=True, timeout=60, **more)
    return call


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"name": "a job", "board": {"type": "mps3-an547"}}))
    return path


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "fw.elf"
    path.write_bytes(os.urandom(3 * 1024 * 1024 + 17))
    return path


def run_of(job, number=7, virtual=True, **more):
    counts = {"phase": "warm", "metric": "instructions", "unit": "", "boot": None, "n": 400,
              "min": 1234567, "max": 1234567, "p50": 1234567, "distinct": 1}
    latency = {"phase": "warm", "metric": "latency_us", "unit": "us", "boot": None, "n": 8,
               "min": 38580.1, "p50": 38580.25, "p95": None, "max": 38580.5, "mean": 38580.3, "distinct": 2,
               "blank": {"p95": 72, "p99": 368}}
    memory = {"phase": "memory", "metric": "sram_peak_bytes", "unit": "bytes", "boot": None,
              "n": 1, "value": 65536}
    return {"id": number, "job": job, "attempt": 1, "board": "m55-1", "board_type": "mps3-an547",
            "virtual": virtual, "exec": False, "state": "done", "outcome": "passed",
            "timer": {"hz": 32000000}, "stages": [{"stage": "flash", "start_ms": 0, "end_ms": 812}],
            "metrics": [latency, memory] + ([counts] if virtual else []), **more}


def test_no_server_is_exit_3(hilda):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        got = hilda("jobs", url=f"http://127.0.0.1:{s.getsockname()[1]}")
    assert got.returncode == 3
    assert "cannot reach the server" in got.stderr and "start it with `hildad`" in got.stderr


def test_a_submitted_job_says_what_it_waits_for(hilda, document, image):
    got = hilda("submit", document, "--image", image)
    assert got.returncode == 0
    assert "it waits: no board of this type is connected" in got.stdout


def test_results_that_do_not_exist_are_told_as_that(hilda):
    got = hilda("results", "--board", "nix")
    assert got.returncode == 0
    assert "No run has results that match" in got.stdout and "Measured" not in got.stdout


def test_a_refusal_is_exit_4_with_the_servers_words(hilda, fake):
    got = hilda("job", 99)
    assert got.returncode == 4
    assert "there is no job 99" in got.stderr


def test_a_broken_server_is_exit_8(hilda, fake):
    fake.replies["GET /api/v1/boards"] = (500, "text/plain", b"oops")
    assert hilda("boards").returncode == 8
    fake.replies["GET /api/v1/boards"] = (200, "text/html", b"<html>hello</html>")
    got = hilda("boards")
    assert got.returncode == 8
    assert "is this a Hilda server?" in got.stderr


def test_an_upload_goes_on_where_the_server_stopped(hilda, fake, document, image):
    fake.cut_upload = 1000
    got = hilda("submit", document, "--image", image)
    assert got.returncode == 0, got.stderr
    assert list(fake.artifacts.values()) == [image.read_bytes()]
    assert fake.count("HEAD", "/api/v1/uploads/") == 1
    sent = sum(len(b) for m, _, _, b in fake.requests if m == "PATCH")
    # libcurl sends a chunk again by itself on a new connection before the offset is asked for.
    assert sent <= len(image.read_bytes()) + 2 * 1024 * 1024


def test_an_upload_that_never_advances_ends(hilda, fake, document, image):
    fake.stuck_upload = True
    got = hilda("submit", document, "--image", image)
    assert got.returncode == 8 and "takes nothing of" in got.stderr
    assert 1 < fake.count("PATCH") < 20


def test_an_idempotency_key_is_never_cut(hilda, fake, document, image):
    args = ("submit", document, "--image", image, "--idempotency-key")
    for key in ("k" * 129, "", "a\r\nX-Other: 1"):
        got = hilda(*args, key)
        assert got.returncode == 2 and "1 to 128 printable" in got.stderr
    assert fake.count("POST", "/api/v1/jobs") == 0
    assert hilda(*args, "k" * 128).returncode == 0
    assert [h["Idempotency-Key"] for m, p, h, _ in fake.requests
            if (m, p) == ("POST", "/api/v1/jobs")] == ["k" * 128]


def test_what_the_server_has_is_not_sent_again(hilda, fake, document, image):
    assert hilda("submit", document, "--image", image).returncode == 0
    patches = fake.count("PATCH")
    assert patches == 4  # 3 MiB and a bit, by the MiB
    assert hilda("submit", document, "--image", image).returncode == 0
    assert fake.count("PATCH") == patches
    assert len(fake.jobs) == 2


def test_a_lost_answer_makes_no_second_job(hilda, fake, document, image):
    fake.drops["POST /api/v1/jobs"] = 2
    got = hilda("submit", document, "--image", image)
    assert got.returncode == 0, got.stderr
    assert fake.count("POST", "/api/v1/jobs") == 3
    assert list(fake.jobs) == [1]


def test_a_bad_document_is_told_before_anything_is_sent(hilda, fake, document, image):
    got = hilda("submit", document, "--image", image, "--set", "phases.warm.iteration=4")
    assert got.returncode == 2
    assert "/phases/warm/iteration" in got.stderr and "known here are: iterations" in got.stderr
    assert fake.requests == []
    document.write_text('{"name": 1,\n "x"}')
    got = hilda("submit", document, "--image", image)
    assert got.returncode == 2
    assert "job.json:2:" in got.stderr


@pytest.mark.parametrize("state,outcome,code", [
    ("succeeded", "passed", 0), ("failed", "failed", 1), ("failed", "timeout", 1),
    ("failed", "infrastructure", 5), ("lost", "infrastructure", 5),
    ("failed", "configuration", 6), ("canceled", "canceled", 7)])
def test_the_outcome_of_a_watched_job_is_the_exit_code(hilda, fake, document, image, state,
                                                       outcome, code):
    looks = []

    def on_job(job):
        looks.append(1)
        if len(looks) == 2:
            fake.runs[7] = run_of(job["id"])
            job.update(state="active", waits_for=None, stage="flash", run=7, on_board="m55-1")
        elif len(looks) == 3:
            job.update(state=state, outcome=outcome, detail="the probe is gone", run=7)

    fake.on_job = on_job
    got = hilda("submit", document, "-i", image, "--watch")
    assert got.returncode == code
    assert "queued: no board of this type is connected" in got.stderr
    assert "active on m55-1: flash" in got.stderr
    assert "the probe is gone" in got.stderr
    assert "hilda: " not in got.stderr


def test_a_watch_survives_a_server_that_is_away(hilda, fake, document, image):
    looks = []

    def on_job(job):
        looks.append(1)
        if len(looks) == 2:
            fake.drops["GET /api/v1/jobs/"] = 2
        elif len(looks) == 3:
            job.update(PASSED)

    fake.on_job = on_job
    got = hilda("submit", document, "-i", image, "--watch")
    assert got.returncode == 0, got.stderr
    assert len(looks) >= 3 and fake.drops["GET /api/v1/jobs/"] == 0


def test_interrupt_leaves_the_job_alone(fake, document, image, tmp_path):
    p = subprocess.Popen([program("hilda"), "--server", fake.url, "submit", document, "-i", image,
                          "-w"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: fake.count("GET", "/api/v1/jobs/1"), message="no poll")
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=10)
    finally:
        p.kill()
    assert p.returncode == 130
    assert "job 1 goes on; `hilda cancel 1` ends it" in err


def test_what_a_board_says_cannot_drive_the_terminal(hilda, fake):
    fake.lists["boards"] = [{"name": "evil\x1b[2J\u009b31m\u202e", "type": "t", "state": "ready",
                             "online": True, "agent": "a\rb", "tags": ["x\ny"]}]
    got = hilda("boards")
    assert got.returncode == 0
    assert "\x1b" not in got.stdout and "\u202e" not in got.stdout
    assert "evil\\x1b[2J" in got.stdout and "a\\x0db" in got.stdout
    assert len(got.stdout.splitlines()) == 2


def event(number, text, stream="console"):
    record = {"from": number - 1, "to": number, "t_us": number * 1000, "stream": stream,
              "text": text}
    return f"id: {number}\ndata: {json.dumps(record)}\n\n".encode()


def test_log_follow_goes_on_behind_the_last_record(hilda, fake):
    fake.runs[7] = run_of(1)
    fake.jobs[1] = {"id": 1, "state": "active", "run": 7, "document": {}, "labels": {}}
    fake.logs[7] = [event(5, "one\r\n") + event(9, "t\x1bwo\nth") + b"id: 11\ndata: {\"ha",
                    event(12, "ree") + b"event: end\ndata: {}\n\n"]
    looks = []

    def on_job(job):
        looks.append(1)
        if len(looks) == 2:
            job.update(PASSED)

    fake.on_job = on_job
    got = hilda("log", "-f", 1)
    assert got.returncode == 0, got.stderr
    assert [line.split(": ", 1)[1] for line in got.stdout.splitlines()] == [
        "one", "t\\x1bwo", "three"]
    logs = [p for m, p, _, _ in fake.requests if "/log" in p]
    assert logs[0].endswith("from=0") and logs[1].endswith("from=9")


def test_lists_follow_their_pages(hilda, fake):
    for i in range(1, 1203):
        fake.jobs[i] = {"id": i, "name": f"j{i}", "state": "succeeded", "outcome": "passed",
                        "board": {}, "labels": {"odd": str(i % 2)}}
    got = hilda("jobs", "-n", 1150, "--json")
    assert [j["id"] for j in json.loads(got.stdout)] == list(range(1202, 52, -1))
    got = hilda("jobs", "-n", 1150, "--json", "-l", "odd=1")
    assert len(json.loads(got.stdout)) == 601


def test_virtual_runs_show_counts_and_no_quantiles(hilda, fake):
    fake.runs[7] = run_of(1)
    fake.jobs[1] = {"id": 1, "name": "j", "labels": {}, "document": {}, "run": 7, **PASSED}
    out = hilda("job", 1).stdout
    assert "1234567" in out and "38.580" in out and "38580" not in out
    assert "P50" not in out
    fake.runs[7] = run_of(1, virtual=False)
    out = hilda("job", 1).stdout
    assert "38580.2" in out and "n<72" in out and "n<368" in out and "INSTRUCTIONS" not in out


# ---- suites ----

def suite_file(tmp_path, **more):
    doc = {"name": "s", "matrix": {"board": ["a", "b"], "quant": ["int8", "int4"]},
           "image": "${quant}.elf", "build": "cp src-${quant} ${quant}.elf",
           "job": {"board": {"type": "${board}"}}, **more}
    path = tmp_path / "suite.json"
    path.write_text(json.dumps(doc))
    for quant in ("int8", "int4"):
        (tmp_path / f"src-{quant}").write_bytes(quant.encode() * 1000)
    return path


def finish(fake, outcomes):
    def on_job(job):
        outcome = outcomes(job)
        state = {"passed": "succeeded", "canceled": "canceled"}.get(outcome, "failed")
        number = 100 + job["id"]
        fake.runs[number] = run_of(job["id"], number, virtual=job["board"]["type"] == "a")
        job.update(PASSED, state=state, outcome=outcome, run=number)
    fake.on_job = on_job


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_suite_is_built_uploaded_once_and_summarised(hilda, fake, tmp_path, jobs):
    finish(fake, lambda job: "passed")
    got = hilda("suite", "run", suite_file(tmp_path), "--jobs", jobs)
    assert got.returncode == 0, got.stderr
    assert got.stderr.count("built ") == 2 and "built 2/2" in got.stderr
    assert len(fake.artifacts) == 2 and fake.count("POST", "/api/v1/artifacts") == 2
    assert [j["name"] for j in fake.jobs.values()] == ["s: a int8", "s: a int4", "s: b int8",
                                                      "s: b int4"]
    assert len({j["labels"]["suite_run"] for j in fake.jobs.values()}) == 1
    assert "4/4 " in got.stderr
    assert "s: 4 of 4 jobs passed" in got.stdout
    measured, emulated = got.stdout.split("Emulated:")
    assert "b int8" in measured and "a int8" not in measured
    emulated = emulated.split("Memory")[0]
    assert "a int8" in emulated and "b int8" not in emulated and "1234567" in emulated


def test_the_files_of_a_suite_are_sent_once_and_stand_in_its_jobs(hilda, fake, tmp_path):
    finish(fake, lambda job: "passed")
    (tmp_path / "list").write_bytes(b"samples")
    path = suite_file(tmp_path, vars={"list": ""}, files={"samples.bin": "${list}", "notes": "suite.json"},
                      where=[{"matrix": {"board": "b"}, "vars": {"list": "list"}}])
    got = hilda("suite", "run", path)
    assert got.returncode == 0, got.stderr
    assert fake.count("POST", "/api/v1/artifacts") == 4 and "uploaded 4 files" in got.stderr
    digest = "sha256:" + hashlib.sha256(b"samples").hexdigest()
    by_board = {j["board"]["type"]: {f["name"]: f["artifact"] for f in j["document"]["files"]}
                for j in fake.jobs.values()}
    assert by_board["b"]["samples.bin"] == digest and set(by_board["a"]) == {"notes"}


@pytest.mark.parametrize("outcomes,code", [
    (["passed", "canceled", "passed", "passed"], 7),
    (["passed", "canceled", "infrastructure", "passed"], 5),
    (["configuration", "canceled", "infrastructure", "passed"], 6),
    (["configuration", "failed", "infrastructure", "passed"], 1)])
def test_the_worst_job_is_the_suites_exit_code(hilda, fake, tmp_path, outcomes, code):
    finish(fake, lambda job: outcomes[(job["id"] - 1) % 4])
    got = hilda("suite", "run", suite_file(tmp_path))
    assert got.returncode == code
    assert "Not passed" in got.stdout
    got = json.loads(hilda("suite", "run", suite_file(tmp_path), "--json").stdout)
    assert len(got["jobs"]) == 4 and got["jobs"][0]["values"] == {"board": "a", "quant": "int8"}


def test_a_failed_build_shows_its_output_and_submits_nothing(hilda, fake, tmp_path):
    got = hilda("suite", "run", suite_file(tmp_path, build="ls no-${quant}"))
    assert got.returncode == 9
    assert "no-int8" in got.stderr and "failed with code 2" in got.stderr
    assert fake.requests == []
    got = hilda("suite", "run", suite_file(tmp_path, build="no-such-program x"))
    assert got.returncode == 9
    assert "no-such-program" in got.stderr


def test_a_missing_image_submits_nothing(hilda, fake, tmp_path):
    got = hilda("suite", "run", suite_file(tmp_path, image="absent-${quant}.elf"))
    assert got.returncode == 10
    assert "absent-int8.elf" in got.stderr
    assert fake.jobs == {}


def test_builds_do_not_see_the_variables_of_a_make_that_called_us(hilda, fake, tmp_path):
    finish(fake, lambda job: "passed")
    path = suite_file(tmp_path, build="sh -c 'cp src-${quant} ${quant}.elf; test -z \"$MAKEFLAGS\"'")
    env = {**os.environ, "MAKEFLAGS": "BUILD=/elsewhere", "MAKELEVEL": "1"}
    got = hilda("suite", "run", path, env=env)
    assert got.returncode == 0, got.stderr


def test_an_interrupted_suite_stops_its_builds(fake, tmp_path):
    path = suite_file(tmp_path, build="sh -c 'echo $$ > pid; exec sleep 1000'")
    p = subprocess.Popen([program("hilda"), "--server", fake.url, "suite", "run", path],
                         cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        pid = wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=10)
    finally:
        p.kill()
    assert p.returncode == 130, err
    wait_for(lambda: not os.path.exists(f"/proc/{int(pid)}"), message="the build goes on")


def test_a_terminal_gets_a_bar(fake, tmp_path):
    finish(fake, lambda job: "passed")
    master, slave = pty.openpty()
    p = subprocess.Popen([program("hilda"), "--server", fake.url, "suite", "run",
                          suite_file(tmp_path)], cwd=tmp_path, stderr=slave,
                         stdout=subprocess.DEVNULL)
    os.close(slave)
    seen = b""
    try:
        while True:
            seen += os.read(master, 65536)
    except OSError:
        pass
    finally:
        os.close(master)
    assert p.wait(timeout=10) == 0
    assert b"[" + b"#" * 30 + b"] 4/4" in seen


# ---- bundles ----

def test_a_bundle_holds_everything_and_is_the_same_twice(hilda, fake, tmp_path):
    sha = "ab" * 32
    fake.artifacts[sha] = b"image" * 1000
    fake.runs[7] = run_of(1)
    fake.jobs[1] = {"id": 1, "name": "j", "labels": {}, "run": 7,
                    "document": {"name": "j", "image": f"sha256:{sha}"}, **PASSED}
    fake.replies["GET /api/v1/runs/7/log"] = (200, "text/plain", b"hello\n")
    fake.replies["GET /api/v1/runs/7/samples"] = (200, "application/json", b"{}")
    fake.replies["GET /api/v1/runs/7/trace.capture"] = (200, "application/octet-stream", b"a capture")
    for name in ("one.tar", "two.tar"):
        got = hilda("job", "bundle", 1, "-o", name)
        assert got.returncode == 0, got.stderr
    with tarfile.open(tmp_path / "one.tar") as tar:
        names = tar.getnames()
        assert tar.extractfile("job-1/image").read() == b"image" * 1000
        assert tar.extractfile("job-1/runs/7/log.txt").read() == b"hello\n"
        assert json.load(tar.extractfile("job-1/document.json"))["name"] == "j"
        assert tar.extractfile("job-1/runs/7/trace.capture").read() == b"a capture"
    assert "job-1/runs/7/samples/warm.latency_us.json" in names
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.tar", "two.tar"]


def test_a_broken_download_leaves_no_bundle(hilda, fake, tmp_path):
    fake.jobs[1] = {"id": 1, "name": "j", "labels": {}, "run": 7, "document": {}, **PASSED}
    fake.drops["GET /api/v1/jobs/1/runs"] = 3  # libcurl tries once more by itself
    assert hilda("job", "bundle", 1).returncode == 3
    assert list(tmp_path.iterdir()) == []


# ---- the command line itself ----

def test_the_version_is_json_when_asked(hilda):
    for args in (("--version", "--json"), ("version", "--json")):
        assert set(json.loads(hilda(*args).stdout)) == {"version"}


def test_a_job_without_an_image_says_how_to_give_one(hilda, document):
    got = hilda("submit", document)
    assert got.returncode == 2 and "/image" in got.stderr and "--image" in got.stderr


def test_the_help_is_json_when_asked(hilda):
    listed = json.loads(hilda("help", "--json").stdout)
    assert {"submit", "job bundle", "suite run"} <= {c["name"] for c in listed}
    one = json.loads(hilda("help", "submit", "--json").stdout)
    assert one in listed and "watch" in [o["name"] for o in one["options"]]
    assert json.loads(hilda("submit", "--help", "--json").stdout) == one
    assert json.loads(hilda("--help", "--json").stdout) == listed


def test_control_bytes_of_a_suite_do_not_reach_the_terminal(hilda, fake, tmp_path):
    finish(fake, lambda job: "passed")
    path = suite_file(tmp_path, name="s\u009bm", build="cp src-int8 ${board}.elf",
                      image="${board}.elf",
                      matrix={"board": ["a"], "color": ["\x1b[31m"]},
                      job={"board": {"type": "a"}, "name": "n", "labels": {"color": "x"}})
    doc = json.loads(path.read_text())
    doc["build"] = "sh -c 'cp src-int8 a.elf' ${color}"
    path.write_text(json.dumps(doc))
    got = hilda("suite", "run", path)
    assert got.returncode == 0, got.stderr
    assert "built 1/1: sh -c" in got.stderr and "1 of 1 jobs passed" in got.stdout
    assert not set("\x1b\x9b") & set(got.stdout + got.stderr)


def test_mistyped_commands_and_options(hilda, fake):
    for typed, meant in (("job-s", "jobs"), ("sumbit", "submit"), ("cancle", "cancel"),
                         ("suite", "suite run"), ("res", "results"), ("lead", "leaderboard")):
        got = hilda(typed)
        assert got.returncode == 2 and f"did you mean `hilda {meant}`" in got.stderr, typed
    for args, says in ((["jobs", "--stat", "x"], "no option --stat; did you mean --state?"),
                       (["jobs", "--lmit=3"], "no option --lmit=3; did you mean --limit?"),
                       (["jobs", "--frobnicate"], "see `hilda jobs --help`"), (["job"], "needs ID"),
                       (["job", "x"], "is not an id"), (["jobs", "extra"], "does not take"),
                       (["jobs", "--limit"], "--limit needs a value"),
                       (["jobs", "--limit", "0"], "is not a whole number from 1"),
                       (["jobs", "--json=1"], "takes no value"),
                       (["results", "--csv", "--json"], "--csv and --json do not go together"),
                       (["--json", "leaderboard", "--md"], "--json and --md do not go together"),
                       (["suite", "results", "1", "--junit", "--csv"], "--junit and --csv do not go together"),
                       (["log", "1", "--raw", "--json"], "--raw and --json do not go together"),
                       (["jobs", "--label", "x"], "write key=value")):
        got = hilda(*args)
        assert got.returncode == 2 and says in got.stderr, (args, got.stderr)
    assert fake.requests == []


def test_every_command_explains_itself(hilda):
    overview = hilda("help").stdout
    words = {line.split()[0] for line in overview.splitlines() if line.startswith("  ")}
    for name in ("submit", "jobs", "job", "log", "results", "leaderboard", "boards", "agents", "cancel", "rerun",
                 "suite", "metrics"):
        assert name in words
        args = ("suite", "run") if name == "suite" else (name,)
        got = hilda(*args, "--help")
        assert got.returncode == 0 and "Examples:" in got.stdout and "--server" in got.stdout
    codes = json.loads(hilda("help", "exit-codes", "--json").stdout)
    assert {c["code"] for c in codes} == {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130}


def test_a_full_disk_is_no_success(fake):
    with open("/dev/full", "w") as full:
        got = subprocess.run([program("hilda"), "metrics"], stdout=full, stderr=subprocess.PIPE,
                             text=True)
    assert got.returncode == 10 and "standard output" in got.stderr


def test_completion_knows_what_may_follow(root, build):
    script = f"""
        PATH={build}/bin:$PATH
        source {root}/packaging/completion/hilda
        complete_for() {{ COMP_WORDS=(hilda "$@"); COMP_CWORD=$#; _hilda; echo "${{COMPREPLY[*]}}"; }}
        complete_for su
        complete_for job ''
        complete_for --server http://x suite ''
        complete_for jobs --st
        complete_for jobs --state q
        complete_for jobs --state l
    """
    got = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20)
    lines = got.stdout.splitlines()
    assert lines[0] == "submit suite", got.stderr
    assert "bundle" in lines[1].split()
    assert "run" in lines[2].split()
    assert lines[3] == "--state"
    assert lines[4] == "queued" and lines[5] == "lost live"


def test_completion_knows_every_command_and_option(root, build, hilda):
    common = {"--server", "--json", "--help"}
    asked = {}
    for command in json.loads(hilda("help", "--json").stdout):
        words = command["name"].split()
        for i, word in enumerate(words):
            asked.setdefault((*words[:i], "''"), set()).add(word)
        asked[(*words, "--")] = common | {f"--{o['name']}" for o in command["options"]}
    script = f"""
        PATH={build}/bin:$PATH
        source {root}/packaging/completion/hilda
        complete_for() {{ COMP_WORDS=(hilda "$@"); COMP_CWORD=$#; _hilda; echo "${{COMPREPLY[*]}}"; }}
    """ + "".join(f"complete_for {' '.join(words)}\n" for words in asked)
    got = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=300)
    lines = got.stdout.splitlines()
    assert len(lines) == len(asked) and not got.stderr, got.stderr
    for line, (words, expected) in zip(lines, asked.items()):
        found = set(line.split())
        assert expected <= found and (words[-1] != "--" or expected == found), (words, line)


def test_one_number_of_energy_tells_measured_from_modelled(hilda, fake):
    address = "energy.energy_uJ.p50"
    row = {"run": 2, "job": 3, "name": "n", "board": "nucleo", "model": "full-nano", "quant": "int8", "outcome": "passed",
           "virtual": False, "energy_source": "measured", "metrics": {address: 90.5}}
    fake.lists["results"] = [row, {**row, "run": 4, "board": "m55-1", "virtual": True, "energy_source": "modelled"},
                             {**row, "run": 5, "board": "dark", "energy_source": None, "metrics": {}}]
    lines = hilda("results", "--metric", address).stdout.splitlines()
    assert lines[0] == address
    assert [line.split()[-2:] for line in lines[2:]] == [["measured", "90.5"], ["modelled", "90.5"], ["-", "-"]]
    fake.lists["results"] = []
    assert "No run has results that match" in hilda("results", "--metric", address).stdout


def test_results_keep_measured_and_emulated_apart(hilda, fake):
    row = {"run": 2, "job": 3, "name": "n", "board": "m55-1", "model": "full-nano", "quant": "int8",
           "outcome": "passed", "virtual": True,
           "metrics": {"cold.instructions.min": 5000, "cold.instructions.max": 5000,
                       "warm.instructions.min": 4990, "warm.instructions.max": 5001,
                       "warm.instructions.distinct": 7, "warm.latency_us.p50": 777.5}}
    real = {**row, "virtual": False, "board": "nucleo", "metrics": {"warm.latency_us.p50": 888.5}}
    fake.lists["results"] = [row, real]
    measured, emulated = hilda("results").stdout.split("Emulated:")
    assert "nucleo" in measured and "888.5" in measured and "m55-1" not in measured
    line = next(line for line in emulated.splitlines() if "m55-1" in line)
    assert line.split()[6:9] == ["5000", "4990..5001", "7"]
    assert "777.5" not in emulated


def test_the_leaderboard_says_what_each_cell_is(hilda, fake):
    none = {"state": "not run"}
    row = {"title": "full-nano int8", "task": "fashion", "weights_bytes": 70000, "float32_weights_bytes": None,
           "arena_bytes": 12000, "float32_arena_bytes": None,
           "accuracy": {"state": "measured", "metric": "accuracy", "value": 0.866, "lo": 0.859, "hi": 0.873, "n": 10000,
                        "drop_points": 0.1, "seeds_sd": 0.002, "rank": 2},
           "cells": [{"warm": {"state": "measured", "p50_ms": 1.5, "p95_ms": 1.75, "throughput_ips": 650.0, "n": 80},
                      "cold": none, "memory": {"state": "measured", "sram_peak_bytes": 20480}, "energy": none},
                     {"warm": {"state": "virtual", "instructions": 31250, "ms_at_1_per_tick": 0.9766}, "cold": none,
                      "memory": none, "energy": {"state": "modelled", "energy_mJ": 0.25, "ranked": False}}]}
    bare = {**row, "title": "linformer-nano float32", "accuracy": {**row["accuracy"], "lo": None, "hi": None}}
    answer = {"legend": "What a cell is.", "rows": [row, bare],
              "boards": [{"board": "host", "state": "measured"}, {"board": "m|55", "state": "virtual"}],
              "guidance": [{"state": "virtual", "text": "int4 saves \u001b[31m"}]}
    fake.replies["GET /api/v1/leaderboard"] = (200, "application/json", json.dumps(answer).encode())
    out = hilda("leaderboard", "--task", "fashion").stdout
    assert fake.requests[-1][1] == "/api/v1/leaderboard?task=fashion"
    time, memory, energy, accuracy = out.split("\n\n")[1:5]
    assert "host" in time and "m/55 virtual" in time and "1.5 / 1.75 / 650" in time and "31250 (0.9766 ms)" in time
    assert "nan" not in out.replace("nano", "")
    assert memory.count("not run") == 6 and "20.0" in memory and "68.4" in memory
    assert "not run" in energy and "0.25 modelled" in energy
    assert "86.60" in accuracy and "85.90..87.30" in accuracy and "+0.10" in accuracy
    assert "- virtual: int4 saves" in out and "\x1b[31m" not in out
    assert out.startswith("What a cell is.")
    fake.replies["GET /api/v1/leaderboard.md"] = (200, "text/markdown", b"# Leaderboard\n")
    assert hilda("leaderboard", "--md").stdout == "# Leaderboard\n"
    fake.replies["GET /api/v1/leaderboard"] = (200, "application/json", json.dumps({"rows": []}).encode())
    assert "No run that has passed" in hilda("leaderboard").stdout
