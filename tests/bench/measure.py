"""What the benchmarks share: rows of the table, medians in turn, the bare server, a job to submit."""

import os
import pathlib
import re
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HILDA_BUILD", ROOT / "build")).resolve()
ROUNDS = 5
rows = []


def row(name, measured, limit, value, bar, good):
    rows.append((name, measured, limit, value, bar, good))
    print(f"{'ok  ' if good else 'MISS'} {name}: {measured}; bare: {limit}; {value} (bar {bar})", flush=True)


class Bare:
    """The bare libmicrohttpd server, ended with its standard input."""

    def __init__(self, folder, reply, threads):
        self.reply = pathlib.Path(folder) / "reply.json"
        self.reply.write_bytes(reply)
        database, schema = pathlib.Path(folder) / "bare.db", pathlib.Path(folder) / "bare.sql"
        # The table of today, with all of its indexes.
        schema.write_text("".join(p.read_text() for p in sorted((ROOT / "db").glob("*.sql"))))
        self.process = subprocess.Popen([BUILD / "bench/bare_server", database, schema, self.reply, str(threads)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def wrk(url, seconds=2, clients=32, script=None):
    """Requests per second of one wrk thread; an answer that is no success fails the run."""
    argv = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", *(["-s", script] if script else []), url]
    out = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout
    if "Non-2xx" in out:
        raise RuntimeError(out)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def turns(a, b):
    """Medians of a and b measured in turn, and the median of the ratios pair by pair."""
    a(), b()  # warm-up
    pairs = [(a(), b()) for _ in range(ROUNDS)]
    return (statistics.median(x for x, _ in pairs), statistics.median(y for _, y in pairs),
            statistics.median(x / y for x, y in pairs))


PROGRAM = BUILD / "bench/ends_at_once"


def exec_job(image, name="bench", board_type="bench-exec", **more):
    return {**more, "name": name, "board": {"type": board_type}, "image": f"sha256:{image}", "protocol": "lines",
            "lines": {"patterns": [{"metric": "latency_us", "unit": "us", "regex": "latency: ([0-9.]+) us"}],
                      "end": "^done"}}


def hildad(lab, *words):
    """What a command of the server's host prints."""
    return subprocess.run([BUILD / "bin/hildad", *words, "--data", lab.folder / "server"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=True).stdout.strip()


def server_threads(lab):
    """How many threads answer HTTP: the bare server gets as many."""
    names = [(p / "comm").read_text().strip() for p in pathlib.Path(f"/proc/{lab.server.pid}/task").iterdir()]
    return max(1, sum("http" in n.lower() or n.startswith("MHD") for n in names))
