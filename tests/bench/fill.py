"""A full database for the benchmarks: 1,000,000 jobs done with their runs and metrics, 100,000 queued.

The server itself makes the first of each kind (boards registered and jobs done by simulated agents), so
every row has the shape that it writes; the others are copies with ids, boards, labels, times and
outcomes of their own. The result is kept under build/bench, named by what it depends on.
"""

import hashlib
import json
import pathlib
import shutil
import sqlite3
import subprocess

from lab import Lab
from measure import BUILD, PROGRAM, ROOT

DONE = 1_000_000
QUEUED = 100_000
AGENTS, BOARDS_EACH, TYPES = 100, 10, 20
PROBES = 10
CELLS = [(f"model-{m}", q) for m in range(20) for q in ("f32", "int8", "int4", "pruned")]
NIGHT = 1000  # jobs of one commit of the firmware
FAILED_EACH = 20
AGE_MS = 80_000  # between two jobs
DECADE_MS = 10 * 365 * 86_400_000
BATCH = 2000


def agents(lab, **settings):
    """Runs the simulated agents; what they have to say as a dictionary."""
    argv = [BUILD / "bench/agents", f"port={lab.port}", *(f"{k}={v}" for k, v in settings.items())]
    out = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(out) if out else None


def document(image, board_type, tags=(), priority=50, **labels):
    return {"name": "simulated", "board": {"type": board_type, "tags": list(tags)}, "image": f"sha256:{image}",
            "protocol": "uart-bench", "phases": {"warm": {"iterations": 100, "warmup": 5, "boots": 1}, "memory": True},
            "priority": priority, "timeouts_s": {"queue": 604_800}, "labels": labels,
            "criteria": [{"metric": "warm.latency_us.p50", "max": 100000}]}


def write_bodies(folder):
    """What the simulated agents send: about what a small benchmark gives. Returns the settings that name them."""
    ticks = [1_000_000 + (i * 7919) % 997 for i in range(100)]
    result = {"outcome": "passed", "detail": "", "stage": "", "late": False,
              "started_at": "2026-01-01T00:00:00.000Z", "finished_at": "2026-01-01T00:00:05.000Z",
              "stages": [{"stage": s, "start_ms": i * 900, "end_ms": i * 900 + 800}
                         for i, s in enumerate(("flash", "boot", "warm", "memory", "collect"))],
              "timer": {"hz": 32000000, "kind": "dwt"},
              "phases": [{"phase": "warm", "boot": 0, "n": 100, "warmup": 5, "overhead_ticks": 12,
                          "window_ticks": sum(ticks) + 4000, "irq": "masked", "inputs": "rotate", "ticks": ticks},
                         {"phase": "memory", "values": {"stack_used": 1200, "stack_size": 4096, "heap_used": 0,
                                                        "heap_size": 0, "arena_used": 65000, "arena_size": 65536}}],
              "device": {"fw": "hilda", "board": "simulated", "hz": 32000000, "timer": "dwt", "max_n": 4096},
              "model": {"model": "full-nano", "quant": "int8", "in": 64, "out": 4, "bytes": 51200},
              "provenance": {"compiler": "GCC: 12.2.1", "flags": "-O2", "machine": "ARM", "agent": "0.1.0"}}
    folder = pathlib.Path(folder)
    (folder / "result.json").write_text(json.dumps(result, separators=(",", ":")))
    text = b"m-init-done m-ready and some more words of a console that says what it does, line by line\r\n"
    record = (1234).to_bytes(8, "little") + len(text).to_bytes(4, "little") + bytes(4)
    (folder / "log.bin").write_bytes((record + text) * 6)
    return {"log": folder / "log.bin", "result": folder / "result.json"}


def write_documents(path, documents):
    pathlib.Path(path).write_text("\n".join(json.dumps(d, separators=(",", ":")) for d in documents))
    return path


def queue_documents(image):
    """All types; some ask for a tag that no board has."""
    return [document(image, f"scale-t{t}", tags, 10 * p, model=f"model-{t}", quant="int8", git="next")
            for t in range(TYPES) for p, tags in enumerate(([], ["simulated"], [], ["absent"], ["simulated"]), 3)]


def seed(folder):
    """One of each kind, written by the server. Returns how many jobs are done."""
    with Lab(BUILD, folder) as lab:
        lab.start_server()
        image = lab.upload(PROGRAM)
        bodies = write_bodies(folder)
        jobs = [document(image, f"scale-t{t}", model=m, quant=q, git="first")
                for t in range(TYPES) for m, q in CELLS[t * 4:t * 4 + 4]]
        agents(lab, submit=write_documents(lab.folder / "done.json", jobs), count=len(jobs), clients=1)
        agents(lab, agents=AGENTS, boards=BOARDS_EACH, types=TYPES, type="scale-t", seconds=1, **bodies)
        agents(lab, agents=AGENTS, boards=BOARDS_EACH, types=TYPES, type="scale-t")
        states = {j["state"] for j in lab.get("/api/v1/jobs?limit=500")["items"]}
        if states != {"succeeded"}:
            raise RuntimeError(f"the first jobs are {states}")
        queue = queue_documents(image)
        agents(lab, submit=write_documents(lab.folder / "queue.json", queue), count=len(queue), clients=1)
    return len(jobs)


class Copier:
    """Rows like one that is there: `table` as it stands, each column by name."""

    def __init__(self, db, table):
        self.columns = [r[1] for r in db.execute(f"PRAGMA table_info({table})")]
        self.sql = f"INSERT INTO {table} VALUES ({','.join('?' * len(self.columns))})"
        self.db, self.rows = db, []
        self.at = {c: i for i, c in enumerate(self.columns)}

    def add(self, row, **changes):
        row = list(row)
        for column, value in changes.items():
            row[self.at[column]] = value
        self.rows.append(row)

    def write(self):
        self.db.executemany(self.sql, self.rows)
        self.rows.clear()


def copy_done(db, first):
    names = ("jobs", "runs", "reports", "metrics")
    to = {n: Copier(db, n) for n in names}
    jobs, runs, reports, metrics = (to[n] for n in names)
    key = {"jobs": "id", "runs": "job"}
    like = []
    for job in range(1, first + 1):
        run = db.execute("SELECT * FROM runs WHERE job = ?", (job,)).fetchone()
        run_id = run[runs.at["id"]]
        like.append((db.execute(f"SELECT * FROM jobs WHERE {key['jobs']} = ?", (job,)).fetchone(), run,
                     db.execute("SELECT * FROM reports WHERE run = ?", (run_id,)).fetchone(),
                     db.execute("SELECT * FROM metrics WHERE run = ?", (run_id,)).fetchall()))
    boards = {}
    for name, kind, agent in db.execute("SELECT name, type, agent FROM boards ORDER BY name"):
        boards.setdefault(kind, []).append((name, agent))
    begin = like[0][0][jobs.at["created_at"]] - DONE * AGE_MS
    sets = {}
    # The queue's rows move behind: ids grow with time.
    db.execute("UPDATE jobs SET id = id + ? WHERE state = 'queued'", (DONE,))
    for i in range(first + 1, DONE + 1):
        job, run, report, rows = like[(i * 7) % first]
        kind = run[runs.at["board_type"]]
        board, agent = boards[kind][(i // first) % len(boards[kind])]
        model, quant = CELLS[i % len(CELLS)]
        labels = json.dumps({"git": f"{i // NIGHT:08x}", "model": model, "quant": quant}, separators=(",", ":"))
        if labels not in sets:
            sets[labels] = db.execute("INSERT INTO label_sets (labels) VALUES (?)", (labels,)).lastrowid
            db.executemany("INSERT INTO label_pairs (key, value, label_set) VALUES (?, ?, ?)",
                           [(k, v, sets[labels]) for k, v in json.loads(labels).items()])
        at = begin + i * AGE_MS
        times = {"created_at": at, "started_at": at + 1000, "finished_at": at + 6000}
        failed = i % FAILED_EACH == 0
        outcome = "failed" if failed else "passed"
        jobs.add(job, id=i, label_set=sets[labels], run=i, board=board, outcome=outcome,
                 state="failed" if failed else "succeeded", queue_deadline_at=at + 8_000_000_000, **times)
        runs.add(run, id=i, job=i, board=board, agent=agent, label_set=sets[labels], outcome=outcome, epoch=i, log_bytes=0,
                 result_id=f"{board}-{i}", **times)
        reports.add(report, run=i)
        for row in rows:
            metrics.add(row, run=i)
        if i % BATCH == 0 or i == DONE:
            for table in to.values():
                table.write()
    db.execute("UPDATE boards SET epoch = ?", (DONE,))


def copy_queue(db):
    jobs = Copier(db, "jobs")
    like = db.execute("SELECT * FROM jobs WHERE state = 'queued' ORDER BY id").fetchall()
    first = max(r[jobs.at["id"]] for r in like) + 1
    for i in range(first, first + QUEUED - len(like)):
        jobs.add(like[(i * 7) % len(like)], id=i)
    jobs.write()
    # The database is kept for longer than a job may wait.
    db.execute("UPDATE jobs SET queue_deadline_at = queue_deadline_at + ? WHERE state = 'queued'", (DECADE_MS,))


def fill(path, first):
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -2000000;")
    db.execute("BEGIN")
    copy_done(db, first)
    copy_queue(db)
    db.execute("COMMIT")
    if db.execute("PRAGMA foreign_key_check").fetchone():
        raise RuntimeError("the full database has rows that refer to nothing")
    counts = dict(db.execute("SELECT state, count(*) FROM jobs GROUP BY state"))
    if counts.get("queued") != QUEUED or counts.get("succeeded", 0) + counts.get("failed", 0) != DONE:
        raise RuntimeError(f"the full database has jobs {counts}")
    db.execute("PRAGMA journal_mode = WAL")
    db.close()


def full_folder():
    """The server's data folder with all of it, for copies: made when the schema or this file has changed."""
    parts = [*sorted((ROOT / "db").glob("*.sql")), pathlib.Path(__file__)]
    digest = hashlib.sha256(b"".join(p.read_bytes() for p in parts)).hexdigest()[:12]
    kept = BUILD / "bench" / f"full-{digest}"
    if kept.exists():
        return kept
    for old in (BUILD / "bench").glob("full-*"):
        shutil.rmtree(old)
    print(f"filling a database with {DONE} jobs, for all runs to come", flush=True)
    new = BUILD / "bench" / "new"
    shutil.rmtree(new, ignore_errors=True)
    first = seed(new)
    fill(new / "server/hilda.db", first)
    (new / "server").rename(kept)
    shutil.rmtree(new)
    return kept
