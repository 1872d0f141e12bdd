"""What captures of a PPK2 cost the agent: processor time, memory, samples lost by being late.

Emulated microbits, whose guest computes for some seconds and whose unit then plays a minute of it; the server is a
small one in Python, so that the agent's own time is what is measured.
"""

import os
import pathlib
import re
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "daemon"))
from measure import row  # noqa: E402

BATCHES = 52  # a minute and more on the microbit
QUIET_S = 20  # the guests have computed by then
SPAN_S = 40


def cpu_s(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def anonymous_bytes(pid):
    return int(re.search(r"RssAnon:\s+(\d+)", open(f"/proc/{pid}/status").read())[1]) * 1024


def captures(folder, n):
    """(share of a core for each capture, bytes for each, the results' captures)."""
    from agent_process import Agent
    from fake_agent_server import FakeServer
    from steps_lab import firmware, phases

    server = FakeServer()
    names = [f"v{i}" for i in range(n)]
    agent = Agent(pathlib.Path(folder) / "agent", server.url, boards=(),
                  extra="".join(f"[board {name}]\nvirtual = microbit\n" for name in names))
    agent.start()
    try:
        server.wait(lambda s: all(s.boards.get(name, {}).get("online") for name in names), 120, "boards do not come up")
        image = server.add_artifact(firmware("microbit", markers="semihosting"))
        pid = agent.process.pid
        before = anonymous_bytes(pid)
        runs = [server.submit(name, image, **phases(energy={"iterations": BATCHES})) for name in names]
        server.wait(lambda s: all(s.runs[r]["capture"] for r in runs), 180, "no captures")
        time.sleep(QUIET_S)
        start, cpu = time.monotonic(), cpu_s(pid)
        time.sleep(SPAN_S)
        share = (cpu_s(pid) - cpu) / (time.monotonic() - start) / n
        memory = (anonymous_bytes(pid) - before) / n
        results = [server.wait_result(r, 300) for r in runs]
        return share, memory, [r["energy"]["capture"] for r in results]
    finally:
        agent.stop()
        server.close()


def bench_capture(_):
    for n in (1, 8):
        with tempfile.TemporaryDirectory(prefix="hilda-bench-") as folder:
            share, memory, done = captures(folder, n)
        lost = sum(c["lost"] for c in done)
        samples = min(c["samples"] for c in done)
        row(f"agent's processor time for each of {n} capture(s)", f"{share * 100:.2f} % of a core", "0",
            f"{share * 100:.2f} %", "<= 3 %", share <= 0.03)
        row(f"agent's memory for each of {n} capture(s)", f"{memory / 1e6:.1f} MB", "0", f"{memory / 1e6:.1f} MB",
            "<= 4 MB", memory <= 4e6)
        row(f"samples lost in {n} capture(s) of {samples / 1e5:.0f} s", lost, "0", lost, "0", lost == 0)
