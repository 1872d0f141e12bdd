#!/usr/bin/python3
"""The main job on this machine: a server on loopback, an agent with one virtual board of each kind
and this host as a board, the demo suite, the leaderboard, and the pages until Ctrl-C.

    make demo            keeps serving
    make demo ONCE=1     ends after printing; 0 only if every job passed
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from lab import Lab  # noqa: E402

BUILD = pathlib.Path(os.environ.get("HILDA_BUILD", ROOT / "build")).resolve()
MACHINES = {"m55-1": "mps3-an547", "m4-1": "mps2-an386", "m7-1": "mps2-an500", "m0-1": "microbit"}


USUAL = "127.0.0.1:8080"


def address(once):
    """Where the pages will be: the usual port if it is free and somebody will look."""
    named = os.environ.get("HILDA_DEMO_LISTEN")
    if named or once:
        return named or "127.0.0.1:0"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            host, port = USUAL.split(":")
            probe.bind((host, int(port)))
            return USUAL
        except OSError:
            print(f"{USUAL} is taken by another program: a free port is used instead", flush=True)
            return "127.0.0.1:0"


def boards():
    text = "".join(f"[board {name}]\nvirtual = {machine}\n\n" for name, machine in MACHINES.items())
    return text + "[board host-1]\ntype = host\nexec = local\n"


def main():
    once = os.environ.get("ONCE", "") not in ("", "0")
    folder = BUILD / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    start = time.monotonic()
    with Lab(BUILD, folder) as lab:
        took = lab.start_server(address(once))
        print(f"server: {lab.url} (first answer after {took * 1000:.0f} ms)", flush=True)
        lab.start_agent(boards(), name="demo-agent")
        print(f"boards: {', '.join(f'{n} ({m})' for n, m in MACHINES.items())}, host-1 (host)\n", flush=True)
        firmware = BUILD / "firmware"
        suite = subprocess.run([BUILD / "bin/hilda", "--server", lab.url, "suite", "run",
                                ROOT / "tests/scenario/demo-suite.json", "--set", f"built={firmware}",
                                "--set", f"out={firmware}"], cwd=ROOT)
        print(flush=True)
        shown = subprocess.run([BUILD / "bin/hilda", "--server", lab.url, "leaderboard"], cwd=ROOT)
        print(f"\n{time.monotonic() - start:.0f} s from the server's start to the leaderboard; pages: "
              f"{lab.url}/leaderboard", flush=True)
        if suite.returncode:
            print(f"hilda suite run ended with {suite.returncode}; logs: {folder}", flush=True)
        if not once:
            print("Ctrl-C ends the server, the agent and the boards.", flush=True)
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(suite.returncode))
            try:
                while lab.server.poll() is None:
                    time.sleep(0.5)
                print(f"the server has ended:\n{lab.log_tail('server')}")
            except KeyboardInterrupt:
                print()
        return suite.returncode or shown.returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as why:
        sys.exit(f"demo: {why}")
