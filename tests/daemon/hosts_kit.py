"""Several hosts on one machine: each is a network and a name of its own, made by the test and gone with
its processes. A server's host, agents' hosts, links between them that can be cut, reset and slowed down."""

import collections
import contextlib
import ctypes
import functools
import http.client
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys

import pytest
from conftest import BUILD, ROOT, wait_for

sys.path[:0] = [str(ROOT / "tests" / "scenario"), str(ROOT / "tests")]
from lab import Lab  # noqa: E402
from torture import Client, Scene  # noqa: E402
from fault_proxy import FaultProxy  # noqa: E402

SERVER_ADDRESS = "10.99.0.1"
CLONE_NEWNET = 0x40000000
FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
SANITIZED = ("asan", "tsan")
LONG = {"lease": "30s", "grace": "1s", "heartbeat": "150 ms", "offer": "20s", "acquire": "1s"}
SHORT = {**LONG, "lease": "1s", "grace": "200 ms"}

libc = ctypes.CDLL(None, use_errno=True)
own_network = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def enter_network(fd):
    """This thread's sockets are of that network from now on."""
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def clocks_can_jump():
    return FAKETIME.exists() and BUILD.name not in SANITIZED


@functools.cache
def missing():
    """What hosts cannot be made without; empty when they can."""
    if os.geteuid():
        return "needs root, to make network namespaces"
    for command in ("ip", "nft", "tc", "unshare", "nsenter", "setpriv"):
        if not shutil.which(command, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
            return f"{command} is not installed"
    try:
        with contextlib.closing(Host("probe")) as probe:
            probe.run("ip", "link", "add", "one", "type", "veth", "peer", "name", "two")
            probe.run("tc", "qdisc", "add", "dev", "one", "root", "tbf", "rate", "64kbit", "burst", "2k", "latency", "1s")
            probe.filter("probe", "one", "meta l4proto tcp reject with tcp reset")
    except (OSError, RuntimeError) as no:
        return f"network namespaces cannot be made here: {no}"
    return ""


def need_hosts():
    if missing():
        pytest.skip(missing())


class Host:
    """A network and a host name. Its life is a process that ends with this one, however this one ends."""

    def __init__(self, name):
        self.name = name
        self.up = None  # the link's interface, seen from here
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--uts", "sh", "-c",
             'echo "$1" >/proc/sys/kernel/hostname && echo made && exec cat', "sh", name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.holder.stdout.readline() != b"made\n":
            raise RuntimeError(self.holder.stderr.read().decode().strip())
        spaces = f"/proc/{self.holder.pid}/ns"
        self.network = os.open(f"{spaces}/net", os.O_RDONLY | os.O_CLOEXEC)
        self.enter = ["setpriv", "--pdeathsig", "KILL", "nsenter", f"--net={spaces}/net", f"--uts={spaces}/uts", "--"]
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *command, text=None):
        done = subprocess.run([*self.enter, *command], input=text, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"})
        if done.returncode:
            raise RuntimeError(f"{self.name}: {' '.join(command)}: {done.stdout.strip()}")
        return done.stdout

    def nft(self, rules):
        self.run("nft", "-f", "-", text=rules)

    @contextlib.contextmanager
    def inside(self):
        """Sockets that this thread makes meanwhile are this host's."""
        enter_network(self.network)
        try:
            yield
        finally:
            enter_network(own_network)

    def filter(self, name, interface, verdict):
        """Applies to what comes in. What is lost on the way is lost to the receiver."""
        self.nft(f"table inet {name} {{\n chain in {{\n type filter hook input priority 0;\n"
                 f" iifname \"{interface}\" {verdict}\n }}\n}}\n")

    def cut(self, direction):
        """both; up: nothing of this host reaches the server; down: nothing of the server comes here."""
        if direction in ("both", "up"):
            self.server.filter(f"cut_{self.down}", self.down, "drop")
        if direction in ("both", "down"):
            self.filter("cut", self.up, "drop")

    def heal(self):
        self.nft("add table inet cut\ndelete table inet cut\n")
        self.server.nft(f"add table inet cut_{self.down}\ndelete table inet cut_{self.down}\n")

    def reset_all(self):
        """Whoever says something next is answered by a reset."""
        self.server.filter(f"rst_{self.down}", self.down, "meta l4proto tcp reject with tcp reset")

    def reset_no_more(self):
        self.server.nft(f"add table inet rst_{self.down}\ndelete table inet rst_{self.down}\n")

    def slow(self, rate):
        """Both directions of its link carry that much and no more."""
        for host, interface in ((self, self.up), (self.server, self.down)):
            host.run("tc", "qdisc", "replace", "dev", interface, "root", "tbf", "rate", rate, "burst", "2k",
                     "latency", "500ms")

    def slow_no_more(self):
        for host, interface in ((self, self.up), (self.server, self.down)):
            host.run("tc", "qdisc", "delete", "dev", interface, "root")

    def processes(self):
        """All but the holder: who is in this network."""
        mine = os.fstat(self.network).st_ino
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if int(path.name) != self.holder.pid and os.stat(path / "ns/net").st_ino == mine:
                    found.append(int(path.name))
        return found

    def nobody(self):
        """Kills all; true when there was nobody."""
        found = self.processes()
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not found

    def power_off(self):
        """Nobody hears of it: the link is dead before the processes are."""
        self.run("ip", "link", "set", self.up, "down")
        wait_for(self.nobody, message=f"{self.name} is not empty")

    def power_on(self):
        self.run("ip", "link", "set", self.up, "up")
        self.run("ip", "route", "replace", "default", "via", self.gateway)

    def close(self):
        self.nobody()
        self.holder.kill()
        self.holder.wait()
        self.holder.stdin.close(), self.holder.stdout.close(), self.holder.stderr.close()
        os.close(self.network)


def link(server, host, number):
    """A cable of its own from the server's host to another one."""
    host.server, host.up, host.down = server, "uplink", f"down{number}"
    host.gateway, address = f"10.99.{number}.1", f"10.99.{number}.2"
    server.run("ip", "link", "add", host.down, "type", "veth", "peer", "name", host.up, "netns", str(host.holder.pid))
    server.run("ip", "address", "add", f"{host.gateway}/24", "dev", host.down)
    server.run("ip", "link", "set", host.down, "up")
    host.run("ip", "address", "add", f"{address}/24", "dev", host.up)
    host.power_on()


class Connection(http.client.HTTPConnection):
    """From within a host."""

    def __init__(self, host, *arguments, **more):
        super().__init__(*arguments, **more)
        self.from_host = host

    def connect(self):
        with self.from_host.inside():
            super().connect()


class HostLab(Lab):
    """A lab whose server runs on a host and is asked from a host."""

    def __init__(self, build, folder, host, address=SERVER_ADDRESS, port=None):
        super().__init__(build, folder)
        self.host, self.address, self.port = host, address, port

    def _start(self, name, argv, **environment):
        return super()._start(name, [*self.host.enter, *argv], **environment)

    def connect(self):
        return Connection(self.host, self.address, self.port, timeout=60)


class FieldAgent:
    def __init__(self, field, name, host, boards, url, settings):
        self.field, self.name, self.host = field, name, host
        self.data = field.folder / name
        self.config = field.agent_config(name, boards, url, settings)
        self.process = None

    def start(self, **environment):
        argv = [self.field.build / "bin/hilda-agent", "run", "--config", self.config]
        self.earlier = self.registrations()
        self.process = self.field.lab_of(self.host)._start(self.name, argv, **environment)
        return self

    def log(self):
        path = self.field.folder / f"{self.name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def registrations(self):
        """Of all its lives."""
        return self.log().count("msg=registered ")

    def wait_registered(self):
        """Its boards may still be online from the life before."""
        wait_for(lambda: self.registrations() > self.earlier, 30, message=lambda: f"not registered:\n{self.log()}")

    def hold(self, held=True):
        """Programs of its boards do not come to their end meanwhile."""
        (self.data / "hold").touch() if held else (self.data / "hold").unlink()

    def driven(self):
        return "".join(p.read_text() for p in sorted((self.data / "driven").glob("*.log")))

    def wait_driven(self, run):
        wait_for(lambda: f"start {run} " in self.driven(), 20, message=f"run {run} is not driven:\n{self.log()}")

    def spooled(self):
        return sorted(p.name for p in (self.data / "spool").glob("*.json"))

    def stop_for(self, what):
        """Paused until something has come to pass."""
        self.pause()
        try:
            return what()
        finally:
            self.resume()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stopped(self):
        return pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "Tt"

    def end(self):
        """SIGTERM; what went wrong, in words."""
        if not self.process:
            return []
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.process = None
        wrong = [f"{self.name} ended with {code}:\n{self.log()[-4000:]}"] if code else []
        return wrong + ([f"{self.name}: a sanitizer has spoken:\n{self.log()[-4000:]}"] if "Sanitizer" in self.log() else [])


class Field(Scene):
    """A server and `n` hosts for agents."""

    def __init__(self, folder, n=2, seed=0, clocks=False, **settings):
        super().__init__(BUILD, folder, seed)
        self.settings = {**LONG, **settings}
        self.counts = collections.Counter()
        self.server_host = Host("server")
        self.hosts, self.proxies, self.n = [], [], 0
        self.clocks = clocks
        self.lab = HostLab(BUILD, folder, self.server_host)
        try:
            self.server_host.run("ip", "address", "add", f"{SERVER_ADDRESS}/32", "dev", "lo")
            for i in range(1, n + 1):
                self.hosts.append(Host(f"host-{i}"))
                link(self.server_host, self.hosts[-1], i)
            self.start_server()
            self.client = Client(self, "client")
            self.image = self.client.upload((BUILD / "scenario/driven").read_bytes())
        except BaseException:
            self.close()
            raise

    # ---- processes

    def start_server(self):
        lines = "".join(f"{k.replace('_', '-')} = {v}\n" for k, v in self.settings.items())
        self.lab.start_server(f"{SERVER_ADDRESS}:{self.lab.port or 0}", f"insecure = yes\nauth = open\n{lines}",
                              **self.clock("server"))

    def lab_of(self, host, address=SERVER_ADDRESS, port=None):
        """Asks the server from this host; address and port are a proxy's."""
        return HostLab(BUILD, self.folder, host, address, port or self.lab.port)

    def client_lab(self):
        return self.lab_of(self.server_host)

    def agent(self, name, host=0, n=2, boards=None, url=None, start=True, online=True, settings=()):
        """n exec boards NAME-i, or the sections that are given. Started, and waited for."""
        boards = boards or "".join(f"[board {name}-{i}]\ntype = torture\nexec = local\n" for i in range(1, n + 1))
        one = FieldAgent(self, name, self.hosts[host], boards, url or self.lab.url, dict(settings))
        self.agents.append(one)
        if start:
            one.start(**self.clock(name))
            if online:
                self.wait_online(name, boards.count("[board "))
        return one

    def wait_online(self, agent, n):
        def there():
            return sum(b["agent"] == agent and b["online"] and b["state"] == "ready" for b in self.boards()) == n
        wait_for(there, 30, message=f"the boards of {agent} are not online")

    def proxy(self, host, choose=None):
        """On the agent's own host; gives the address to reach the server by."""
        one = FaultProxy(host, host, (SERVER_ADDRESS, self.lab.port), self.random, choose)
        self.proxies.append(one)
        return one

    # ---- clocks

    def clock(self, name):
        if not self.clocks:
            return {}
        if not (self.folder / f"{name}.clock").exists():
            self.set_clock(name, "+0")
        return {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.folder / f"{name}.clock"),
                "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                }

    def set_clock(self, name, offset):
        """Seen within a second of use."""
        new = self.folder / f"{name}.clock.new"
        new.write_text(offset)
        new.rename(self.folder / f"{name}.clock")

    # ---- what clients do and see

    def submit(self, sleep_ms=0, lines=3, pad=0, value=None, **more):
        """A job whose acknowledgement is in the journal; its number."""
        self.n += 1
        key, value = f"job-{self.n}", value or self.random.randrange(1, 1000000)
        self.journal.note(intent=key, value=value)
        document = self.client.driven(key, f"{key} {value} {sleep_ms} {lines} 0\n".encode() + bytes(pad), **more)
        return self.client.submit(key, json.dumps(document))["id"]

    def job(self, job):
        return self.lab.get(f"/api/v1/jobs/{job}")

    def boards(self):
        return self.lab.get("/api/v1/boards?limit=500")["items"]

    def detail(self, board):
        """What its agent says of a board."""
        with contextlib.closing(sqlite3.connect(f"file:{self.folder / 'server/hilda.db'}?mode=ro", uri=True)) as db:
            return db.execute("SELECT detail FROM boards WHERE name = ?", (board,)).fetchone()[0]

    def runs(self, job):
        return sorted(self.lab.get(f"/api/v1/jobs/{job}/runs")["items"], key=lambda r: r["id"])

    def wait_run(self, job, n, *states, seconds=30):
        """The n-th run of a job, when it is in one of these states."""
        def found():
            runs = self.runs(job)
            return len(runs) > n and runs[n]["state"] in states and runs[n]
        return wait_for(found, seconds, message=f"run {n} of job {job} is not {states}")

    def wait_state(self, job, *states, seconds=40):
        return wait_for(lambda: (lambda j: j["state"] in states and j)(self.job(job)), seconds,
                        message=f"job {job} is not {states}: {self.job(job)}")

    def rest(self, n_boards, seconds=40):
        """Left alone, everything comes to its end; then the disks are asked what became of it."""
        self.n_boards, self.left = n_boards, ""
        self.enough = True
        try:
            wait_for(self.settled, seconds, 0.02, "not at rest")
        except AssertionError:
            self.wrong.append(f"not at rest after {seconds} s: {self.left}")
        for agent in self.agents:
            self.wrong += agent.end()
        self.lab.stop()
        history = self.history()
        violations = history.check() + [("wrong", w) for w in self.wrong]
        kinds = collections.Counter(kind for kind, _ in violations)
        for proxy in self.proxies:
            self.counts["injected faults"] += sum(proxy.injected.values())
        words = "".join(f"{k}: {w}\n" for k, w in violations) + \
            ", ".join(f"{k} {n}" for k, n in sorted((self.counts + history.counts).items())) + \
            f"; lost {kinds['lost']}, doubled {kinds['doubled']}, stuck {kinds['stuck']}, wrong {kinds['wrong']}"
        print(words)
        assert not violations, words

    # ---- faults, counted

    def cut(self, host, direction="both"):
        self.counts["partitions"] += 1
        self.hosts[host].cut(direction)

    def heal(self, host):
        self.hosts[host].heal()

    def close(self):
        self.enough = self.give_up = True
        for proxy in self.proxies:
            proxy.close()
        for agent in self.agents:
            if agent.process:
                agent.process.kill()
                agent.process.wait()
        if self.lab.server:
            self.lab.server.kill()
            self.lab.server.wait()
        for host in [*self.hosts, self.server_host]:
            host.close()


@pytest.fixture
def field(tmp_path):
    """field(n, **settings): hosts, closed after the test."""
    need_hosts()
    made = []

    def make(n=2, **settings):
        made.append(Field(tmp_path, n, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()
