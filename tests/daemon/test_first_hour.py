"""docs/first-hour.md as a new user goes through it: its commands, in their order, on two hosts."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest
from conftest import BUILD, ROOT
from hosts_kit import Host, link, need_hosts

PAGE = ROOT / "docs/first-hour.md"
ADDRESS = "10.99.1.1"  # the server's end of the cable

# systemctl of a machine without systemd: as the unit would, and it returns when the program says READY=1.
SYSTEMCTL = """#!/usr/bin/python3
import os, socket, subprocess, sys
assert sys.argv[1:3] == ["enable", "--now"] and len(sys.argv) == 4, sys.argv
unit = sys.argv[3]
assert os.path.exists(f"{ROOT}/packaging/{unit}.service")
words = {"hildad": ["hildad"], "hilda-agent": ["hilda-agent", "run"]}[unit]
path = f"/var/lib/{unit}.notify"
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(path)
manager.settimeout(30)
log = open(f"/var/lib/{unit}.log", "ab")
subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                 env={**os.environ, "NOTIFY_SOCKET": path})
while b"READY=1" not in manager.recv(4096):
    pass
"""


def blocks():
    """(host, commands) of the page; what other programs of the machine are asked to do is `console` and not run."""
    text = PAGE.read_text()
    return re.findall(r"(?ms)^```sh (\w+)\n(.*?)^```$", text)


class Machine:
    """A host with /etc, /var/lib, /run/lock and a home of its own."""

    def __init__(self, folder, name):
        self.host = Host(name)
        self.folder = folder / name
        for inside in ("etc", "var-lib", "lock", "home", "bin"):
            (self.folder / inside).mkdir(parents=True)
        for entry in ("passwd", "group", "hosts", "nsswitch.conf", "localtime", "ssl", "alternatives"):
            if os.path.exists(f"/etc/{entry}"):
                subprocess.run(["cp", "-a", f"/etc/{entry}", self.folder / "etc"], check=True)
        (self.folder / "etc/hilda").mkdir()
        systemctl = self.folder / "bin/systemctl"
        systemctl.write_text(SYSTEMCTL.replace("{ROOT}", str(ROOT)))
        systemctl.chmod(0o755)
        self.exports = []

    def run(self, commands):
        """As root's shell would; what it exports stays. The exit code and all that was said."""
        commands = commands.replace("192.0.2.10", ADDRESS)
        mounts = "".join(f"mount --bind {self.folder}/{mine} {theirs}\n" for mine, theirs in
                         (("etc", "/etc"), ("var-lib", "/var/lib"), ("lock", "/run/lock")))
        script = (f"set -e\n{mounts}export PATH={self.folder}/bin:{BUILD}/bin:$PATH HOME={self.folder}/home\ncd\n"
                  + "".join(self.exports) + commands)
        self.exports += [line + "\n" for line in commands.splitlines() if line.startswith("export ")]
        done = subprocess.run([*self.host.enter, "unshare", "--mount", "sh", "-c", script], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                              env={"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "LANG": "C.UTF-8"})
        return done.returncode, done.stdout

    def logs(self):
        return "".join(f"--- {p.name}\n{p.read_text(errors='replace')}" for p in sorted(self.folder.glob("var-lib/*.log")))

    def end(self):
        """As at a shutdown; what was still there then."""
        for pid in self.host.processes():
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + 20
        while self.host.processes() and time.monotonic() < deadline:
            time.sleep(0.02)
        left = self.host.processes()
        self.host.close()
        return left


@pytest.fixture
def machines(tmp_path):
    need_hosts()
    # Notify sockets have short names only.
    folder = tmp_path
    made = {}
    try:
        for name in ("server", "bench"):
            made[name] = Machine(folder, name)
        link(made["server"].host, made["bench"].host, 1)
        yield made
    finally:
        left = {name: m.end() for name, m in made.items()}
    assert not any(left.values()), left


# What a reader has to see, by the block's first telling words; a block that looks at something may be asked again.
SEEN = [
    ("/healthz", r'the settings are fine\n\{"status":"ok"'),
    ("hildad token list", r"(?s)hilda-agent enroll https.*ada .*read,submit"),
    ("hilda-agent enroll", r"'bench-1' is enrolled"),
    ("hilda-agent --check-config", r"agent.ini is fine"),
    ("hilda boards", r"(?s)bench-1.*bench-host +host .*ready"),
    ("hilda-agent discover", r"board|nothing is plugged in yet"),
    ("name\": \"first job", r"(?s)passed.*latency_us"),
    ("hilda schedule add", r"(?s)nightly.*30 2 \* \* \*.*Europe/Berlin"),
    ("hilda schedule run", r"suite run 1 has begun: 2 jobs"),
    ("hilda suite results", r"(?s)passed +bench-host +10\d.*passed +bench-host +10\d"),
    ("cat >broken", r"(?s)checksum of layer 3.*exit code 1"),
    ("hilda job 4", r"(?s)failed.*checksum of layer 3.*latency: 105 us"),
    ("timeouts_s.queue=1", r"(?s)exit code [1-9]"),
]
LOOKS_ONLY = ("hilda agents", "hilda suite results", "hilda job 4")


def test_the_first_hour(machines):
    transcript, seen = [], set()
    try:
        for host, commands in blocks():
            machine = machines[host]
            expected = next((r for words, r in SEEN if words in commands), "")
            seen.update(words for words, _ in SEEN if words in commands)
            deadline = time.monotonic() + (30 if any(w in commands for w in LOOKS_ONLY) else 0)
            while True:
                code, said = machine.run(commands)
                if code == 0 and re.search(expected, said) or time.monotonic() >= deadline:
                    break
                time.sleep(0.1)
            transcript.append("".join(f"{host}# {line}\n" for line in commands.splitlines()) + said)
            assert code == 0, f"{commands}\nended with {code}:\n{said}"
            assert re.search(expected, said), f"{commands}\nsaid:\n{said}\nand not {expected}"
            if ">~/enrol.token" in commands:
                # scp, by hand
                for name in ("tls.txt", "enrol.token"):
                    shutil.copy(machines["server"].folder / "home" / name, machines["bench"].folder / "home")
        assert seen == {words for words, _ in SEEN}, "the page lost a step"
    except BaseException:
        print("\n".join(transcript), *(m.logs() for m in machines.values()), sep="\n")
        raise
    finally:
        (BUILD / "tests").mkdir(exist_ok=True)
        (BUILD / "tests/first-hour.txt").write_text("\n".join(transcript))


def test_the_page_names_what_there_is():
    text = PAGE.read_text()
    for page in re.findall(r"\b([a-z-]+\.md)\b", text):
        assert (ROOT / "docs" / page).exists() or page == "README.md", page
    assert len(blocks()) >= 12
