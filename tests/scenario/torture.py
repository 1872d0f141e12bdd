#!/usr/bin/python3
"""Crash evidence: a client submits under load and writes down each acknowledgement, while server,
agents and what they started are killed again and again, at named failpoints and at any moment. At the
end all is left alone until the queue is empty, and history.py asks the disks what became of it.

    make torture N=2000           kills; the seed is printed
    make torture N=2000 SEED=7    the same choices again (the machine's timing is its own)
"""

import argparse
import collections
import hashlib
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from history import History  # noqa: E402
from lab import Lab, Refused  # noqa: E402

LEASE_S, GRACE_S = 1.0, 0.2
SETTINGS = ("lease = 1s\ngrace = 200 ms\nheartbeat = 150 ms\noffer = 1500 ms\nacquire = 1s\n"
            "log-level = warning\n")
HEAL_S = 120
QUEUE_MAX = 30
PIECE = 48 * 1024

# Each place with the most visits that a process may make before it dies there.
SERVER_POINTS = {
    "server.commit": 40, "server.committed": 40, "server.committed.job-submit": 6, "server.committed.claim": 12,
    "server.committed.start": 6, "server.committed.result": 5, "server.committed.log-append": 5,
    "server.committed.heartbeat": 5, "server.committed.agent-register": 1, "server.committed.cancel": 1,
    "server.committed.upload-create": 2, "server.committed.upload-progress": 2, "server.committed.upload": 2,
    "server.committed.lease": 1, "server.committed.release": 1, "server.committed.sweep": 1,
    "server.checkpoint": 1, "server.checkpointed": 1, "server.claim.offered": 4, "server.cancel.told": 1,
    "server.log.written": 6, "server.upload.piece": 6, "server.upload.renamed": 2, "server.reaper.due": 1,
}
AGENT_POINTS = {"agent.offer.taken": 4, "agent.offer.started": 4, "agent.flash.checked": 4, "agent.measure.read": 12,
                "agent.spool.synced": 4, "agent.result.acknowledged": 4}
VIRTUAL_POINTS = {"agent.flash.output": 12, "agent.measure.read": 12, "agent.spool.synced": 1}
# These come to pass at a clean end, too.
AT_THE_END = {"server.checkpoint", "server.checkpointed"}
# These need something to go wrong first, and the time for it.
RARE = {"server.committed.lease", "server.committed.release", "server.committed.sweep", "server.reaper.due",
        "server.committed.cancel", "server.cancel.told"}
RARE_S = 2.5
# From the start of the server to an upload, on a machine with nothing else to do.
START_S, PACE_MAX = 0.15, 6


def free_port():
    """Below the range of outgoing connections, so that it is free again at once after a kill."""
    while True:
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def children_of(pid):
    """All processes below one, deepest first."""
    found = []
    try:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [*children_of(int(child)), int(child)]
    except OSError:
        pass
    return found


class Journal:
    """One JSON object a line, durable before the caller goes on."""

    def __init__(self, path):
        self.file = open(path, "ab", buffering=0)
        self.lock = threading.Lock()

    def note(self, **entry):
        with self.lock:
            self.file.write(json.dumps(entry).encode() + b"\n")
            os.fsync(self.file.fileno())


class Client(threading.Thread):
    """Submits until told to stop. What the server refuses for good goes to `wrong`."""

    def __init__(self, torture, name):
        super().__init__(name=name, daemon=True)
        self.t, self.random = torture, random.Random(f"{torture.seed}-{name}")
        self.lab = torture.client_lab()
        self.acknowledged = []
        self.retries = 0
        self.virtual_job = None
        self.n = 0

    def until_answered(self, what):
        """Again until there is an answer; None when the last word is no."""
        while not self.t.give_up:
            try:
                return what()
            except Refused as no:
                self.lab.connection = None
                if no.status < 500 and no.status not in (404, 408, 409, 429):
                    self.t.wrong.append(str(no))
                    return None
                if no.status == 409 and "idempotency" in no.problem.get("type", ""):
                    self.t.wrong.append(str(no))
                    return None
            except (OSError, ValueError, http.client.HTTPException):
                self.lab.connection = None
            self.retries += 1
            time.sleep(0.004)
        return None

    def upload(self, data):
        """In pieces, from where the server says."""
        sha256 = hashlib.sha256(data).hexdigest()

        def announce():
            doc = self.lab.call("POST", "/api/v1/artifacts", {"sha256": sha256, "bytes": len(data)})
            while not doc.get("have"):
                at = doc["offset"]
                self.lab.call("PATCH", f"/api/v1/uploads/{doc['id']}", data[at:at + PIECE],
                              {"Upload-Offset": str(at), "Content-Type": "application/octet-stream"}, raw=True)
                doc = self.lab.call("POST", "/api/v1/artifacts", {"sha256": sha256, "bytes": len(data)})
            return doc

        if self.until_answered(announce):
            self.t.journal.note(upload=sha256, bytes=len(data))
        return sha256

    def document(self, key, kind, value):
        r = self.random
        if kind == "virtual":
            return {"name": key, "board": {"name": "virtual-1"}, "image": f"sha256:{self.t.firmware}",
                    "protocol": "uart-bench", "attempts": 10,
                    "phases": {"warm": {"iterations": 20, "warmup": 2, "boots": 1}}}
        sleep_ms = r.choice([0, 0, 5, 20, 60, 400])
        plan = f"{key} {value} {sleep_ms} {r.randrange(1, 12)} {int(r.random() < 0.1)}\n".encode()
        plan += bytes(r.randrange(0, 3) * 70000)
        document = self.driven(key, plan, attempts=r.choice([1, 3, 10]))
        if kind == "nobody":
            document.update(board={"type": "nobody-has-it"}, timeouts_s={"queue": 1})
        return document

    def driven(self, key, plan, **more):
        """A job for the program `driven`, which does as its plan says."""
        return {"name": key, "board": {"type": "torture"}, "image": f"sha256:{self.t.image}",
                "files": [{"name": "plan", "artifact": f"sha256:{self.upload(plan)}"}], "protocol": "lines",
                "lines": {"patterns": [{"metric": "latency_us", "unit": "us", "regex": "latency: ([0-9]+) us"}],
                          "end": "^done"}, **more}

    def submit(self, key, body):
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        doc = self.until_answered(lambda: self.lab.call("POST", "/api/v1/jobs", body, headers))
        if doc:
            self.t.journal.note(ack=key, id=doc["id"])
        return doc

    def cancel(self, job):
        try:
            self.lab.call("DELETE", f"/api/v1/jobs/{job}")
            self.t.journal.note(canceled=job)
        except (Refused, OSError, ValueError, http.client.HTTPException):
            self.lab.connection = None  # it may have ended, or the server is away: nothing was promised

    def wait_turn(self):
        """Load, but no queue that takes minutes to drain."""
        while not self.t.enough:
            queued = self.until_answered(lambda: self.lab.get(f"/api/v1/jobs?state=queued&limit={QUEUE_MAX}"))
            if not queued or len(queued["items"]) < QUEUE_MAX:
                return
            time.sleep(0.03)

    def virtual_is_idle(self):
        """The slow board gets its next job when it has done the last one, so that it holds up nothing."""
        if not self.t.firmware:
            return False
        job = self.virtual_job and self.until_answered(lambda: self.lab.get(f"/api/v1/jobs/{self.virtual_job}"))
        return not job or job["state"] not in ("queued", "active")

    def run(self):
        while not self.t.enough:
            r = self.random
            self.n += 1
            key, value = f"{self.name}-{self.n}", r.randrange(1, 1000000)
            draw = r.random()
            kind = "nobody" if draw < 0.02 else "virtual" if draw < 0.2 and self.virtual_is_idle() else "exec"
            body = json.dumps(self.document(key, kind, value))
            self.t.journal.note(intent=key, **({"value": value} if kind == "exec" else {}))
            doc = self.submit(key, body)
            if doc:
                self.acknowledged.append((key, body, doc["id"]))
            if doc and kind == "virtual":
                self.virtual_job = doc["id"]
            if doc and r.random() < 0.12:
                time.sleep(r.random() * 0.3)
                self.cancel(doc["id"])
            if self.acknowledged and r.random() < 0.1:
                old_key, old_body, old_id = r.choice(self.acknowledged[-50:])
                again = self.submit(old_key, old_body)
                if again and again["id"] != old_id:
                    self.t.wrong.append(f"{old_key}: first job {old_id}, then {again['id']}")
            self.wait_turn()


class Victim:
    """A process that is started, killed, and started again: its next death is drawn at its birth."""

    def __init__(self, torture, name, start, points, life_s):
        self.t, self.name, self.start_it, self.life_s = torture, name, start, life_s
        self.random = random.Random(f"{torture.seed}-{name}")
        self.points, self.left = points, []
        self.process = self.point = None
        self.stopped_until = None

    def next_point(self):
        """Each in turn, in an order of its own; first those at which nothing died yet."""
        if not self.left:
            self.left = sorted(set(self.points) - set(self.t.visited)) or sorted(self.points)
            self.random.shuffle(self.left)
        return self.left.pop()

    def start(self, harmless=False):
        r, environment = self.random, {}
        self.point = None if harmless or r.random() < 0.25 else self.next_point()
        if self.point:
            environment = {"HILDA_FAILPOINTS": f"{self.point}=kill:{r.randrange(1, self.points[self.point] + 1)}",
                           "HILDA_FAILPOINT_SEED": str(r.randrange(1, 2 ** 32))}
        life = r.uniform(*self.life_s) * self.t.pace
        self.patience = life + (RARE_S if self.point in RARE else 0)
        self.term = self.point in AT_THE_END
        self.deadline = time.monotonic() + self.patience
        self.process = self.start_it(**environment)

    def look(self):
        """One turn. A death is counted, and the process is started again."""
        now = time.monotonic()
        if self.stopped_until and now > self.stopped_until:
            self.process.send_signal(signal.SIGCONT)
            self.stopped_until = None
            self.t.kills["stopped past the lease"] += 1
            self.deadline = now + self.patience
        code = self.process.poll()
        if code is not None:
            if code == -signal.SIGKILL and self.point:
                self.t.kills[f"{self.name.split('-')[0]} at a failpoint"] += 1
                self.t.visited[self.point] += 1
            elif code == -signal.SIGTERM and self.point in AT_THE_END:
                pass  # asked to end before it had begun to listen for that
            elif code not in (0, -signal.SIGKILL):
                self.t.wrong.append(f"{self.name} ended with {code}:\n{self.t.lab.log_tail(self.name)}")
            self.start()
        elif now > self.deadline and not self.stopped_until:
            if self.term:
                self.term = False
                self.deadline = now + 3
                self.process.terminate()
                return
            self.process.kill()
            self.process.wait()
            self.t.kills[f"{self.name.split('-')[0]} at any moment"] += 1
            self.start()

    def stop_past_lease(self):
        if self.process.poll() is None and not self.stopped_until:
            self.process.send_signal(signal.SIGSTOP)
            self.stopped_until = time.monotonic() + LEASE_S + GRACE_S + self.random.uniform(0.1, 0.8)


class Scene:
    """A server, agents and clients whose doings are checked afterwards, whatever is done to them."""

    def __init__(self, build, folder, seed):
        self.build, self.folder, self.seed = pathlib.Path(build), pathlib.Path(folder), seed
        self.random = random.Random(f"{seed}-main")
        self.wrong = []
        self.enough = self.give_up = False
        self.journal = Journal(self.folder / "journal")
        self.image = self.firmware = None
        self.agents, self.n_boards = [], 0  # who has a name; boards that come to rest

    def agent_config(self, name, boards, url, settings=()):
        """The folder with the evidence that `driven` leaves, and the settings' file."""
        data = self.folder / name
        for sub in ("driven", "sent"):
            (data / sub).mkdir(parents=True)
        config = self.folder / f"{name}.ini"
        settings = {"name": name, "server": url, "data": data, "run": data / "run", "stop-grace": "5s", **dict(settings)}
        config.write_text("[agent]\n" + "".join(f"{k} = {v}\n" for k, v in settings.items()) + boards)
        return config

    def settled(self):
        try:
            live = [j for s in ("queued", "active") for j in self.lab.get(f"/api/v1/jobs?state={s}&limit=50")["items"]]
            boards = self.lab.get("/api/v1/boards?limit=500")["items"]
        except (OSError, ValueError, Refused, http.client.HTTPException):
            self.lab.connection = None
            return False
        spools = [p for a in self.agents for p in (self.folder / a.name / "spool").glob("*.*")]
        self.left = f"{len(live)} live jobs, {len(spools)} files in spools, boards " + \
            ", ".join(f"{b['name']} {b['state']}{'' if b['online'] else ' offline'}" for b in boards)
        return not live and not spools and sum(b["online"] and b["state"] == "ready" for b in boards) == self.n_boards

    def history(self):
        return History(self.folder / "server", [self.folder / a.name for a in self.agents], self.folder / "journal")


class Torture(Scene):
    def __init__(self, build, folder, seed, kills, virtual=True, boards=3):
        super().__init__(build, folder, seed)
        self.wanted = kills
        self.lab = Lab(build, folder)
        self.port = free_port()
        self.lab.port = self.port
        self.kills, self.visited = collections.Counter(), collections.Counter()
        self.pace = 1
        (self.folder / "hildad.ini").write_text(
            f"[server]\nlisten = 127.0.0.1:{self.port}\ndata = {self.folder / 'server'}\n{SETTINGS}")
        exec_boards = "".join(f"[board {{0}}-{i}]\ntype = torture\nexec = local\n" for i in range(boards))
        self.server = Victim(self, "server", self.start_server, SERVER_POINTS, (0.15, 0.9))
        self.agents = [self.agent(name, exec_boards.format(name), AGENT_POINTS, (0.3, 1.6))
                       for name in ("agent-one", "agent-two")]
        if virtual:
            self.agents.append(self.agent("agent-virtual", "[board virtual-1]\nvirtual = microbit\n", VIRTUAL_POINTS,
                                          (3.0, 12.0)))
        self.victims = [self.server, *self.agents]
        self.n_boards = 2 * boards + bool(virtual)

    def client_lab(self):
        lab = Lab(self.build, self.folder)
        lab.port = self.port
        return lab

    def start_server(self, **environment):
        return self.lab._start("server", [self.build / "bin/hildad", "--config", self.folder / "hildad.ini"],
                               **environment)

    def agent(self, name, boards, points, life_s):
        config = self.agent_config(name, boards, self.lab.url)
        return Victim(self, name, lambda **environment: self.lab._start(
            name, [self.build / "bin/hilda-agent", "--log-level", "warning", "run", "--config", config],
            **environment), points, life_s)

    # ---- the three parts

    def begin(self):
        start = time.monotonic()
        self.server.start(harmless=True)
        client = Client(self, "first")
        self.image = client.upload((self.build / "scenario/driven").read_bytes())
        if len(self.agents) > 2:
            self.firmware = client.upload(next((self.build / "firmware/microbit").glob("*.elf")).read_bytes())
        # Where everything takes longer, lives are longer too: otherwise nothing but starts is killed.
        self.pace = min(max(1, (time.monotonic() - start) / START_S), PACE_MAX)
        for agent in self.agents:
            agent.start(harmless=True)
        self.clients = [Client(self, name) for name in ("client-one", "client-two")]
        for client in self.clients:
            client.start()

    def kill_a_child(self):
        # What comes back in seconds rather than at once is hit less often.
        agent = self.random.choices(self.agents, [1 / a.life_s[1] for a in self.agents])[0]
        children = children_of(agent.process.pid)
        if not children:
            return False
        try:
            child = self.random.choice(children)
            what = pathlib.Path(f"/proc/{child}/comm").read_text().strip()
            os.kill(child, signal.SIGKILL)
        except OSError:
            return False  # it ended just now
        self.kills["OpenOCD" if what == "openocd" else "virtual board" if "vboard" in what or "qemu" in what
                   else "program or its shim"] += 1
        return True

    def torture(self, progress):
        next_child = next_stop = time.monotonic() + 1
        said = 0
        while sum(self.kills.values()) < self.wanted:
            for victim in self.victims:
                victim.look()
            now = time.monotonic()
            if now > next_child and self.kill_a_child():
                next_child = now + self.random.uniform(0.1, 0.8)
            if now > next_stop:
                self.random.choice(self.agents).stop_past_lease()
                next_stop = now + self.random.uniform(2, 6)
            n = sum(self.kills.values())
            if n >= said + 200:
                said = n
                progress(f"{n} kills, {sum(c.n for c in self.clients)} submissions, "
                         f"{len(self.visited)} of {len(self.all_points())} failpoints")
            time.sleep(0.003)

    def heal(self, progress):
        """Nobody is hurt any more: everything must come to its end by itself. Returns the seconds."""
        self.enough = True
        for victim in self.victims:
            if victim.process.poll() is None:
                victim.process.send_signal(signal.SIGCONT)
                victim.process.kill()
            victim.process.wait()
            victim.start(harmless=True)
        start = said = time.monotonic()
        for client in self.clients:
            client.join(HEAL_S)
        self.left = "the server does not answer"
        while not self.settled():
            if time.monotonic() > start + HEAL_S:
                self.wrong.append(f"not at rest after {HEAL_S} s: {self.left}")
                break
            time.sleep(0.05)
            if time.monotonic() > said + 5:
                said = time.monotonic()
                progress(f"still {self.left}")
        took = time.monotonic() - start
        self.end()
        return took

    def end(self):
        self.enough = self.give_up = True
        for victim in reversed(self.victims):
            if not victim.process:
                continue
            victim.process.send_signal(signal.SIGCONT)
            victim.process.terminate()
            try:
                code = victim.process.wait(30)
            except subprocess.TimeoutExpired:
                victim.process.kill()
                code = victim.process.wait()
            if code:
                self.wrong.append(f"{victim.name} ended with {code}:\n{self.lab.log_tail(victim.name)}")
            if "Sanitizer" in (self.folder / f"{victim.name}.log").read_text(errors="replace"):
                self.wrong.append(f"{victim.name}: a sanitizer has spoken, see its log")

    # ---- the whole

    def all_points(self):
        return {p for v in self.victims for p in v.points}

    def run(self, progress=print):
        """Returns the violations."""
        try:
            self.begin()
            self.torture(progress)
            healed = self.heal(progress)
        except BaseException:
            for victim in self.victims:
                if victim.process:
                    victim.process.send_signal(signal.SIGCONT)
                    victim.process.kill()
                    victim.process.wait()
            raise
        history = self.history()
        violations = history.check() + [("wrong", w) for w in self.wrong]
        self.report(history.counts, violations, healed, progress)
        return violations

    def report(self, counts, violations, healed, progress):
        kinds = collections.Counter(kind for kind, _ in violations)
        missed = sorted(self.all_points() - set(self.visited))
        for kind, words in violations[:40]:
            progress(f"{kind}: {words}")
        progress(f"kills: {sum(self.kills.values())} (" +
                 ", ".join(f"{k} {n}" for k, n in sorted(self.kills.items())) + ")")
        progress(f"failpoints: {len(self.visited)} of {len(self.all_points())} visited" +
                 (f"; not {', '.join(missed)}" if missed else ""))
        progress("history: " + ", ".join(f"{k} {n}" for k, n in sorted(counts.items())) +
                 f"; repeated requests {sum(c.retries for c in self.clients)}; at rest after {healed:.1f} s")
        progress(f"seed {self.seed}: {counts['submissions']} submissions, {counts['acknowledged']} acknowledged, "
                 f"lost {kinds['lost']}, doubled {kinds['doubled']}, stuck {kinds['stuck']}, wrong {kinds['wrong']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=2000)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--no-virtual", action="store_true", help="no virtual board")
    arguments = parser.parse_args()
    build = pathlib.Path(os.environ.get("HILDA_BUILD", "build")).resolve()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1, 10 ** 6)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hilda-torture-"))
    print(f"torture: seed {seed}, {arguments.kills} kills", flush=True)
    torture = Torture(build, folder, seed, arguments.kills, virtual=not arguments.no_virtual)
    violations = torture.run(lambda text: print(text, flush=True))
    if violations:
        print(f"the evidence is in {folder}; again: make torture N={arguments.kills} SEED={seed}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
