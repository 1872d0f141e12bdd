"""What retention removes: suite runs, jobs, artifacts; never what lives; and what a crash leaves in between."""

import fcntl
import hashlib
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import threading

import pytest
from conftest import ROOT, program, wait_for
from server_kit import Agent, job_document, make_server, record  # noqa: F401
from test_server_captures import capture, send  # noqa: F401
from test_server_suites import put, run, suite_document, work

OFTEN = {"retention_every": "20 ms"}


def check(server):
    """`hildad check`: what it says, without a problem."""
    done = subprocess.run([program("hildad"), "check", server.data], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0 and "0 problems" in done.stdout, done.stdout + done.stderr
    return done.stdout


def sql(server, text, *args):
    with sqlite3.connect(f"file:{server.data / 'hilda.db'}?mode=ro", uri=True) as db:
        return db.execute(text, args).fetchall()


def runs_of(server, suite="nightly"):
    return [r["id"] for r in server.api(f"/suite-runs?suite={suite}")["items"]]


def files(server, folder):
    return sorted(int(p.name) for p in (server.data / folder).iterdir() if p.name.isdigit())


def whole_run(server, agent, name="nightly", outcomes=None):
    suite_run = run(server, name)
    n = server.api(f"/suite-runs/{suite_run}")["cells_total"]
    assert work(agent, outcomes or {}, n) == n
    return suite_run


def no_tables(server, runs):
    """No row of any table refers to these runs, and no file."""
    listed = ",".join(map(str, runs))
    for table, column in (("runs", "id"), ("metrics", "run"), ("reports", "run"), ("latest", "run"), ("durations", "run")):
        assert sql(server, f"SELECT count(*) FROM {table} WHERE {column} IN ({listed})") == [(0,)], table
    wait_for(lambda: not sql(server, "SELECT * FROM leftovers"), 20)
    assert not set(runs) & set(files(server, "logs"))


def submit(server, image, *files):
    """A job, sent again with its artifacts until it is in time."""
    for _ in range(100):
        document = job_document(server.put_blob(image), files=[
            {"name": f"f{i}", "artifact": "sha256:" + server.put_blob(f)} for i, f in enumerate(files)])
        reply = server.call("POST", "/api/v1/jobs", document)
        if reply.status == 201:
            return reply.json["id"]
        assert reply.problem == "unknown-image", reply.body
    raise AssertionError("never in time")


def one_turn(server):
    """A whole turn from now on: of two artifacts one after the other the second goes at the end of such a one."""
    for i in range(2):
        digest = server.put_blob(b"of a turn %d" % i)
        wait_for(lambda digest=digest: server.get(f"/api/v1/artifacts/{digest}").status == 404, 20)


def audit(server):
    return [r["what"] for r in server.api("/audit?who=retention&limit=500")["items"]]


def agent_of(server):
    agent = Agent(server, boards=("b1", "b2"))
    agent.register()
    return agent


def test_a_suite_keeps_so_many_finished_runs_and_the_rest_goes_whole(make_server):
    server = make_server(**OFTEN).start()
    agent = agent_of(server)
    put(server, suite_document(server))
    done = [whole_run(server, agent) for _ in range(2)]
    cells = server.api(f"/suite-runs/{done[0]}")["cells"]
    job, old_runs = cells[0]["job"], [c["run"] for c in cells]
    assert server.api(f"/jobs/{job}")["state"] == "succeeded"
    assert runs_of(server) == done[::-1] and files(server, "logs") == list(range(1, 9))
    put(server, suite_document(server, keep={"runs": 3}), 200)
    done += [whole_run(server, agent) for _ in range(3)]
    # One that is at work counts for nothing and stays.
    alive = run(server)
    wait_for(lambda: runs_of(server) == [alive, *done[:1:-1]], 20)
    for path in (f"/suite-runs/{done[0]}", f"/suite-runs/{done[0]}.csv", f"/jobs/{job}", f"/runs/{old_runs[0]}",
                 f"/runs/{old_runs[0]}/log"):
        wait_for(lambda path=path: server.get("/api/v1" + path).status == 404, 20)
        assert server.get("/api/v1" + path).problem == "not-found"
    for path, noun in ((f"/suite-runs/{done[0]}", "suite run"), (f"/jobs/{job}", "job"), (f"/runs/{old_runs[0]}", "run")):
        assert "removed by retention" in server.get("/api/v1" + path).json["detail"], noun
    assert "retention" not in server.get("/api/v1/jobs/99999").json["detail"]
    assert server.call("POST", f"/api/v1/suite-runs/{done[0]}/retry").problem == "not-found"
    no_tables(server, old_runs)
    wait_for(lambda: len(sql(server, "SELECT id FROM jobs")) == 16, 20)
    assert files(server, "logs") == list(range(9, 21))
    # What is still there is as it was: results, leaderboard, the suite's pages.
    assert len(server.api("/results?limit=500")["items"]) == 12
    assert server.get("/api/v1/results.csv").status == 200 and server.get("/api/v1/leaderboard").status == 200
    assert server.api("/suites/nightly")["last_run"]["id"] == alive
    assert server.get(f"/api/v1/suite-runs/{done[2]}.md").status == 200
    said = audit(server)
    assert f"removed suite run {done[0]} of nightly, 4 cells: beyond what its suite keeps" in said and len(said) == 2
    assert "suite run removed by retention" in server.log.read_text()
    assert work(agent, {}, 4) == 4
    wait_for(lambda: runs_of(server) == [alive, *done[:2:-1]], 20)
    assert server.stop() == 0
    check(server)


def test_the_lab_s_own_rule_counts_where_a_suite_has_none(make_server):
    server = make_server(suite_runs_keep=1, **OFTEN).start()
    agent = agent_of(server)
    for name, more in (("plain", {}), ("own", {"keep": {"runs": 2}}), ("all", {"keep": {}})):
        put(server, suite_document(server, name, **more))
        done = [whole_run(server, agent, name) for _ in range(3)]
        want = {"plain": done[2:], "own": done[1:], "all": done}[name]
        # The newest jobs of all stay until there are newer ones, which these are.
        wait_for(lambda: runs_of(server, name) == want[::-1], 20)
    # A suite that is removed leaves its runs to the lab's rule.
    assert server.call("DELETE", "/api/v1/suites/all").status == 204
    wait_for(lambda: runs_of(server, "all") == done[2:], 20)
    assert server.stop() == 0
    check(server)


def test_age_takes_all_but_the_newest_finished_run(make_server):
    server = make_server(suite_runs_age="200 ms").start()
    agent = agent_of(server)
    put(server, suite_document(server))
    first, second = whole_run(server, agent), whole_run(server, agent)
    wait_for(lambda: runs_of(server) == [second], 20)
    alive = run(server)
    assert runs_of(server) == [alive, second] and first not in runs_of(server)
    # A later turn finds the same.
    before = server.log.read_text().count("removed by retention")
    assert work(agent, {}, 4) == 4
    wait_for(lambda: runs_of(server) == [alive], 20)
    wait_for(lambda: server.log.read_text().count("removed by retention") == before + 1, 20)
    assert server.stop() == 0
    check(server)


def test_earlier_tries_repetitions_and_what_was_begun_again_by_hand(make_server):
    server = make_server(**OFTEN).start()
    agent = agent_of(server)
    document = suite_document(server, matrix={"board": ["b1"], "quant": ["int8", "int4"]}, keep={"runs": 1})
    document["job"]["repeat"] = 3
    put(server, document)
    first = run(server)
    assert work(agent, {"int4 on b1": ("failed", "no")}, 6) == 6
    job = server.api(f"/suite-runs/{first}")["cells"][1]["job"]
    assert server.call("POST", f"/api/v1/suite-runs/{first}/retry").json == {"id": first, "jobs": 1}
    assert work(agent, {"int4 on b1": ("failed", "no")}, 1) == 1
    assert server.call("POST", f"/api/v1/suite-runs/{first}/retry").json == {"id": first, "jobs": 1}
    by_hand = server.call("POST", f"/api/v1/jobs/{job}/rerun", {}).json["id"]
    assert work(agent, {}, 2) == 2
    wait_for(lambda: server.api(f"/suite-runs/{first}")["state"] == "passed", 20)
    second = run(server)
    assert work(agent, {"int4 on b1": ("failed", "no")}, 6) == 6
    wait_for(lambda: runs_of(server) == [second], 20)
    wait_for(lambda: [i for i, in sql(server, "SELECT id FROM jobs ORDER BY id")] == list(range(by_hand, by_hand + 9)), 20)
    # By hand it belongs to nobody's suite run: it stays, and says nothing of what is gone.
    assert server.api(f"/jobs/{by_hand}")["parent"] is None and server.api(f"/jobs/{by_hand}")["state"] == "succeeded"
    assert server.stop() == 0
    check(server)


def test_jobs_of_their_own_go_by_age_and_suites_jobs_do_not(make_server):
    server = make_server(job_age="300 ms").start()
    agent = agent_of(server)
    put(server, suite_document(server))
    suite_run = whole_run(server, agent)
    image = server.put_blob(b"an image")
    old = [server.submit(job_document(image)) for _ in range(3)]
    group = server.submit(job_document(image, repeat=3))
    assert work(agent, {}, 6) == 6
    alive = server.submit(job_document(image))
    offer = agent.acquire()["offers"][0]
    agent.start(offer)
    last = server.submit(job_document(image))
    wait_for(lambda: all(server.get(f"/api/v1/jobs/{j}").status == 404 for j in [*old, *range(group, group + 4)]), 20)
    assert server.api(f"/jobs/{alive}")["state"] == "active" and server.api(f"/jobs/{last}")["state"] == "queued"
    assert server.api(f"/suite-runs/{suite_run}")["state"] == "passed"
    assert all(server.api(f"/runs/{c['run']}")["metrics"] for c in server.api(f"/suite-runs/{suite_run}")["cells"])
    assert "retention cannot go on" not in server.log.read_text()
    assert any("older than job-age" in what and what.startswith("removed") for what in audit(server)), audit(server)
    agent.result(offer)
    wait_for(lambda: server.get(f"/api/v1/jobs/{alive}").status == 404 or
             sql(server, "SELECT max(id) FROM runs") == [(offer["run"],)], 20)
    # No number is given twice: the newest run stays until there is a newer one.
    assert server.api(f"/runs/{offer['run']}")["job"] == alive
    assert work(agent, {}, 1) == 1
    newest = server.submit(job_document(image))
    wait_for(lambda: [i for i, in sql(server, "SELECT id FROM jobs WHERE id > ? ORDER BY id", group)] == [last, newest], 20)
    assert server.stop() == 0
    check(server)


def test_a_job_that_ends_after_later_ones_went_goes_too(make_server):
    server = make_server(job_age="100 ms").start()
    agent = agent_of(server)
    image = server.put_blob(b"an image")
    first, second = server.submit(job_document(image)), server.submit(job_document(image))
    slow, quick = sorted(agent.acquire()["offers"], key=lambda o: server.api(f"/runs/{o['run']}")["job"])
    agent.start(slow)
    agent.start(quick)
    agent.result(quick)
    for _ in range(2):  # the newest job and run stay
        server.submit(job_document(image))
        if _ == 0:
            offer = agent.acquire(boards=["b2"])["offers"][0]
            agent.start(offer)
    wait_for(lambda: server.get(f"/api/v1/jobs/{second}").status == 404, 20)
    agent.result(slow)
    wait_for(lambda: server.get(f"/api/v1/jobs/{first}").status == 404, 20)
    assert server.stop() == 0


def test_no_number_is_given_twice(make_server):
    server = make_server(job_age="1 ms", artifact_age="1 ms", retention_every="10 ms").start()
    agent = agent_of(server)
    jobs, runs = [], []
    for _ in range(4):
        jobs.append(submit(server, b"an image"))
        offer = agent.acquire()["offers"][0]
        runs.append(offer["run"])
        agent.start(offer)
        agent.result(offer)
        one_turn(server)
        assert sql(server, "SELECT id FROM jobs") == [(jobs[-1],)] and sql(server, "SELECT id FROM runs") == [(runs[-1],)]
    assert jobs == [1, 2, 3, 4] and runs == [1, 2, 3, 4]
    assert server.stop() == 0


def test_logs_and_captures_leave_the_disk_and_pages_are_used_again(make_server, capture):  # noqa: F811
    server = make_server(**OFTEN).start()
    agent = Agent(server, virtual=False, phases=["cold", "warm", "energy", "memory"])
    agent.register()
    document = suite_document(server, matrix={"board": ["b1"], "quant": ["int8"]}, keep={"runs": 1})
    put(server, document)

    def one():
        suite_run = run(server)
        offer = agent.offer()
        agent.start(offer)
        agent.log(offer, 0, record("x" * 4000))
        send(agent, offer, capture.bytes)
        assert server.get(f"/api/v1/runs/{offer['run']}/trace/tile?px=100").status == 200
        agent.result(offer)
        return suite_run, offer["run"]

    first = one()
    assert (server.data / f"captures/{first[1]}").stat().st_size == len(capture.bytes)
    second = one()
    wait_for(lambda: files(server, "logs") == [second[1]] and files(server, "captures") == [second[1]], 20)
    assert not (server.data / f"captures/{first[1]}.pyramid").exists()
    assert server.get(f"/api/v1/runs/{first[1]}/trace").status == 404
    assert server.get(f"/api/v1/runs/{first[1]}/windows").status == 404
    # Nor does the server hold them open, which would keep their room taken.
    wait_for(lambda: not [fd for fd in (pathlib.Path("/proc") / str(server.process.pid) / "fd").iterdir()
                          if os.path.islink(fd) and os.readlink(fd).endswith(" (deleted)")], 20)
    # The database does not grow any more: what is freed is used again.
    for _ in range(10):
        one()
    pages = sql(server, "PRAGMA page_count")
    for _ in range(20):
        newest = one()
    wait_for(lambda: files(server, "captures") == [newest[1]], 20)
    assert sql(server, "PRAGMA page_count")[0][0] <= pages[0][0] + 2, "of 20 more runs"
    assert server.stop() == 0
    check(server)


@pytest.mark.parametrize("place", ["server.retention.hidden", "server.retention.rows", "server.retention.unlinked"])
def test_a_crash_between_rows_and_files(make_server, place):
    server = make_server(**OFTEN).start()
    agent = agent_of(server)
    put(server, suite_document(server))
    first = whole_run(server, agent)
    second = whole_run(server, agent)
    assert server.stop() == 0
    server.settings["suite_runs_keep"] = 1
    # It may die before it says that it is ready.
    with open(server.log, "ab") as log:
        dead = subprocess.run(server.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=60,
                              env={"HILDA_FAILPOINTS": f"{place}=kill:1"}, check=False)
    assert dead.returncode == -signal.SIGKILL
    rows = len(sql(server, "SELECT id FROM runs"))
    assert rows == (8 if place == "server.retention.hidden" else 4)
    left = files(server, "logs")
    assert len(left) == (4 if place == "server.retention.unlinked" else 8)
    assert len(sql(server, "SELECT id FROM leftovers")) == (0 if place == "server.retention.hidden" else 4)
    orphans = sorted(line for line in check(server).splitlines() if line.startswith("orphan: "))
    assert orphans == ([f"orphan: logs/{i}: nothing in the database refers to it" for i in range(1, 5)]
                       if place == "server.retention.rows" else [])
    server.start()
    assert runs_of(server) == [second], "not even for a moment"
    wait_for(lambda: files(server, "logs") == [5, 6, 7, 8], 20)
    wait_for(lambda: not sql(server, "SELECT id FROM leftovers"), 20)
    assert sql(server, "SELECT id FROM suite_runs") == [(second,)]
    assert server.get(f"/api/v1/suite-runs/{first}").status == 404
    assert server.stop() == 0
    assert "orphan" not in check(server)


@pytest.mark.parametrize("which, gone", [("log", "DELETE FROM runs"), ("capture", "UPDATE runs SET capture_removed_at = 1")])
def test_a_piece_of_what_retention_removes_at_that_moment_leaves_no_file(make_server, which, gone):
    server = make_server(retention_every="1 h").start(HILDA_FAILPOINTS="server.piece.looked=stop:1")
    agent = agent_of(server)
    server.submit()
    offer = agent.offer(boards=["b1"])
    agent.start(offer)
    replies = []
    path = f"/runs/{offer['run']}/{which}?offset=0"
    late = threading.Thread(target=lambda: replies.append(agent.call("PUT", path, record("late"), epoch=offer["epoch"])))
    late.start()
    stat = pathlib.Path(f"/proc/{server.process.pid}/stat")
    wait_for(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", 20)
    # As retention does it, which would be as quick: the row, then what there is of files.
    with sqlite3.connect(server.data / "hilda.db") as db:
        db.execute(gone)
    server.process.send_signal(signal.SIGCONT)
    late.join(20)
    assert [r.status for r in replies] == [410] and "removed by retention" in replies[0].json["detail"]
    assert files(server, which + "s") == []
    assert server.stop() == 0
    assert "orphan" not in check(server)


def blob_file(server, digest):
    return server.data / "artifacts" / digest[:2] / digest


def test_an_artifact_goes_when_nothing_needs_it(make_server):
    server = make_server(artifact_age="100 ms", job_age="400 ms").start()
    agent = agent_of(server)
    for _ in range(100):  # until it is in time
        document = suite_document(server)
        reply = server.call("PUT", "/api/v1/suites/nightly", document)
        if reply.status == 201:
            break
        assert reply.problem == "unknown-image", reply.body
    of_suite = [v.removeprefix("sha256:") for v in document["artifacts"].values()]
    of_job, beside = (hashlib.sha256(x).hexdigest() for x in (b"of a job", b"beside it"))

    alive = submit(server, b"of a job", b"beside it")
    idle = server.put_blob(b"nobody's")
    wait_for(lambda: server.get(f"/api/v1/artifacts/{idle}").status == 404, 20)
    wait_for(lambda: not blob_file(server, idle).exists(), 20)
    for digest in (*of_suite, of_job, beside):
        assert server.get(f"/api/v1/artifacts/{digest}").status == 200
    assert f"removed artifact {idle}, 8 bytes" in audit(server)
    refused = server.call("POST", "/api/v1/jobs", job_document(idle))
    assert refused.problem == "unknown-image" and refused.json["pointer"] == "/image"
    # An upload under way keeps nothing but itself.
    reply = server.call("POST", "/api/v1/artifacts", {"sha256": idle, "bytes": 8})
    assert reply.status == 201
    assert server.call("PATCH", f"/api/v1/uploads/{reply.json['id']}", b"nobody's", {"Upload-Offset": "0"}).status == 201
    wait_for(lambda: server.get(f"/api/v1/artifacts/{idle}").status == 404, 20)
    # With the job its files go, with the suite its images.
    assert work(agent, {}, 1) == 1
    server.call("DELETE", "/api/v1/suites/nightly")
    wait_for(lambda: server.get(f"/api/v1/artifacts/{of_suite[0]}").status == 404, 20)
    assert server.get(f"/api/v1/artifacts/{of_job}").status == 200, "the newest job stays"
    submit(server, b"newer")
    assert work(agent, {}, 1) == 1
    wait_for(lambda: server.get(f"/api/v1/artifacts/{beside}").status == 404, 20)
    wait_for(lambda: not blob_file(server, of_job).exists(), 20)
    assert server.get(f"/api/v1/jobs/{alive}").status == 404 and server.get(
        f"/api/v1/artifacts/{hashlib.sha256(b'newer').hexdigest()}").status == 200
    assert server.stop() == 0
    check(server)


def test_who_names_an_artifact_that_is_being_removed_has_it_or_is_told(make_server):
    """Uploads and submits against a server that collects as often as it can: no job is without its image."""
    server = make_server(artifact_age="1 ms", retention_every="10 ms").start()
    seen, failed, lock = {"accepted": 0, "refused": 0, "suites": 0, "again": 0}, [], threading.Lock()

    job_suite = {"matrix": {"board": ["b1"]}, "job": {"board": {"name": "${board}"}, "protocol": "uart-bench",
                                                      "phases": {"warm": {"iterations": 10, "warmup": 1}}}}

    def count(what):
        with lock:
            seen[what] += 1

    def one(who, i):
        image = f"image {i % 5} of {who % 2}".encode()
        digest = hashlib.sha256(image).hexdigest()
        reply = server.call("PUT", f"/api/v1/artifacts/{digest}", image)
        if reply.status == 409:
            return count("again")
        assert reply.status in (200, 201), reply.body
        if i % 7 == 3:
            document = {**job_suite, "name": f"s{who}", "image": "sha256:" + digest}
            reply = server.call("PUT", f"/api/v1/suites/s{who}", document)
            assert reply.status in (200, 201) or reply.problem == "unknown-image", reply.body
            if reply.status < 300:
                count("suites")
                assert server.get(f"/api/v1/artifacts/{digest}").body == image
                assert server.call("DELETE", f"/api/v1/suites/s{who}").status == 204
            return None
        reply = server.call("POST", "/api/v1/jobs", job_document(digest))
        if reply.status != 201:
            assert reply.problem == "unknown-image" and reply.json["pointer"] == "/image", reply.body
            return count("refused")
        count("accepted")
        got = server.get(f"/api/v1/artifacts/{digest}")
        assert got.status == 200 and got.body == image, (got.status, got.body)
        # It is let go of again: the job ends and is removed, so that the next one meets the collector anew.
        return server.call("DELETE", f"/api/v1/jobs/{reply.json['id']}")

    def load(who):
        try:
            for i in range(60):
                one(who, i)
        except Exception as e:  # noqa: BLE001
            failed.append(repr(e))

    server.stop()
    server.settings["job_age"] = "1 ms"
    server.start()
    threads = [threading.Thread(target=load, args=(who,)) for who in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed, failed[:3]
    print(seen, len(audit(server)))
    assert seen["accepted"] > 0 and any("removed artifact" in what for what in audit(server))
    # A row has its file and the other way round, but for what is next to go.
    assert server.stop() == 0
    rows = {h for h, in sql(server, "SELECT sha256 FROM artifacts")}
    for image, in sql(server, "SELECT image FROM jobs"):
        assert image in rows
    for digest in rows:
        assert blob_file(server, digest).exists()
    orphans = set(re.findall(r"orphan: artifacts/../(\w+):", check(server)))
    assert orphans <= {h for h, in sql(server, "SELECT sha256 FROM leftovers")}


def test_a_backup_has_the_files_of_what_goes_meanwhile(make_server, tmp_path):
    """While somebody holds the files as a backup does, rows go and files do not."""
    server = make_server(**OFTEN).start()
    agent = agent_of(server)
    put(server, suite_document(server, keep={"runs": 1}))
    whole_run(server, agent)
    fd = os.open(server.data / "logs", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)
    second = whole_run(server, agent)
    wait_for(lambda: len(sql(server, "SELECT id FROM leftovers")) == 4, 20)
    assert runs_of(server) == [second]
    turns = server.log.read_text().count("suite run removed")
    assert turns == 1 and files(server, "logs") == list(range(1, 9))
    os.close(fd)
    wait_for(lambda: files(server, "logs") == list(range(5, 9)), 20)
    assert server.stop() == 0
    check(server)


def test_what_would_go_is_said_and_stays(make_server):
    server = make_server(suite_runs_keep=2).start()
    agent = agent_of(server)
    put(server, suite_document(server))
    put(server, suite_document(server, "own", keep={"runs": 1, "days": 90}))
    put(server, suite_document(server, "all", keep={}))
    for name in ("nightly", "own", "all"):
        for _ in range(3):
            whole_run(server, agent, name)
    server.submit(job_document(server.put_blob(b"an image")))
    assert work(agent, {}, 1) == 1
    server.put_blob(b"nobody's")

    def said(**settings):
        server.settings.update(settings)
        done = subprocess.run([*server.command()[:3], "retention"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    assert said() == [
        "suite all: 0 of 3 runs go, 0 cells (by its keep: all stay)",
        "suite nightly: 1 of 3 runs go, 4 cells (by the settings: 2 runs)",
        "suite own: 2 of 3 runs go, 8 cells (by its keep: 1 runs, 90 days)",
        "jobs of no suite run: 0 go, with their repetitions (job-age is off)",
        "artifacts that nothing needs: 0 go, 0 bytes (artifact-age is off)"]
    assert said(suite_runs_age="36 h")[1].endswith("(by the settings: 2 runs, 36 h)")
    assert said(job_age="1 ms", artifact_age="1 ms")[3:] == [
        "jobs of no suite run: 1 go, with their repetitions", "artifacts that nothing needs: 1 go, 8 bytes"]
    assert len(runs_of(server)) == 3 and len(runs_of(server, "own")) == 3, "a turn comes each minute"
    assert server.stop() == 0


def statements(path):
    """The SQL of a source file: texts that stand beside each other are one, with those that a macro stands for."""
    source = (ROOT / path).read_text()
    for name, text in re.findall(r'#define (\w+)\s*\\\n((?:\s*".*"\s*\\\n)*\s*".*"\n)', source):
        source = source.replace(f" {name} ", text.replace("\\\n", ""))
    for text in re.findall(r'(?:"(?:[^"\\\n]|\\.)*"\s*)+', source):
        found = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))
        if re.match(r"(SELECT|DELETE|UPDATE|INSERT INTO|WITH) ", found):
            yield found


def test_no_removal_reads_a_whole_table(make_server):
    server = make_server().start()
    assert server.stop() == 0
    db = sqlite3.connect(server.data / "hilda.db")
    # Those that are short, or an index of what is looked for.
    whole = ("SCAN leftovers", "SCAN suite_runs USING INDEX suite_runs_removed", "SCAN l", "SCAN (subquery-2)")
    found = [s for p in (
        "server/store/op_retention.c", "server/store/read_retention.c", "server/store/artifact_use.c") for s in statements(p)]
    assert len(found) > 35
    for statement in found:
        if statement.startswith("SELECT max(id)"):
            continue  # one step from the end
        plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + statement, dict.fromkeys(
            re.findall(r"\$(\w+)", statement), 1))]
        assert not [p for p in plan if p.startswith("SCAN ") and p not in whole and p != "SCAN CONSTANT ROW"], (statement, plan)
    # What SQLite itself looks for when a row goes that others refer to.
    tables = [t for t, in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    keys = [(t, row[3]) for t in tables for row in db.execute(f"PRAGMA foreign_key_list({t})")
            if row[2] in ("jobs", "runs", "suite_runs")]
    assert len(keys) >= 9
    for table, column in keys:
        plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN SELECT 1 FROM {table} WHERE {column} = 1")]
        assert plan[0].startswith("SEARCH"), (table, column, plan)
