"""What is at the other end of an exec board: an sshd of our own, and an adb that is played."""

import getpass
import os
import pathlib
import re
import socket
import subprocess
import sys

import pytest

from conftest import need, wait_for

SSHD = "/usr/sbin/sshd"

# It keeps what the real one is known for: shell v2 gives the command's exit code and keeps its two
# outputs apart; a device that is not ready is an `error:` line and code 1; a command that was begun
# sees the end of its input when the client is gone.
ADB = """#!{python}
import os, pathlib, shutil, subprocess, sys, threading
folder = pathlib.Path({folder!r})
with open(folder / "calls", "a") as calls:
    calls.write(repr(sys.argv[1:3] + [sys.argv[3]]) + "\\n")
args = sys.argv[1:]
assert args[0] == "-s"
serial, verb = args[1], args[2]
state = (folder / "state").read_text()
said = {{"absent": f"error: device '{{serial}}' not found", "offline": "error: device offline",
        "unauthorized": "error: device unauthorized.\\nThis adb server's $ADB_VENDOR_KEYS is not set\\n"
        "Try 'adb kill-server' if that seems wrong.\\nOtherwise check for a confirmation dialog on your device."}}
if serial != "R58M" or state in said:
    sys.exit(print(said[state if state in said else "absent"], file=sys.stderr) or 1)
if verb == "push":
    shutil.copyfile(args[3], args[4])
    print(f"{{args[3]}}: 1 file pushed, 0 skipped.")
else:
    assert verb == "shell" and args[3] == "-T" and len(args) == 5
    pipe = subprocess.PIPE
    child = subprocess.Popen(["/bin/sh", "-c", args[4]], start_new_session=True, stdin=pipe,
                             stdout=pipe, stderr=pipe)
    def carry(source, sink, close):
        while piece := os.read(source, 65536):
            try:
                os.write(sink, piece)
            except OSError:
                pass  # it is read to its end all the same
        if close:
            os.close(sink)
    threading.Thread(target=carry, args=(0, os.dup(child.stdin.fileno()), True), daemon=True).start()
    child.stdin.close()
    back = [threading.Thread(target=carry, args=(pipe.fileno(), n, False))
            for n, pipe in ((1, child.stdout), (2, child.stderr))]
    [t.start() for t in back], [t.join() for t in back]
    code = child.wait()
    os._exit(code if code >= 0 else 128 - code)
"""


class Adb:
    """A folder to put in front of PATH, and the device's state in it."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder, self.shelf = folder, folder / "data"
        (folder / "adb").write_text(ADB.format(python=sys.executable, folder=str(folder)))
        (folder / "adb").chmod(0o755)
        self.state("device")

    def state(self, word):
        (self.folder / "state").write_text(word)

    def board(self, serial="R58M"):
        return f"[board far-1]\ntype = phone\nexec = adb:{serial}\nexec-folder = {self.shelf}\n"

    def environment(self):
        return {"PATH": f"{self.folder}:{os.environ['PATH']}"}

    def pushed(self):
        return (self.folder / "calls").read_text().count("'push'")

    def stop(self):
        pass


class Sshd:
    """The stock sshd on a free port, with keys and configuration of its own; logs in as this user."""

    def __init__(self, folder):
        folder.mkdir()
        need("ssh"), need("ssh-keygen")
        if not os.path.exists(SSHD):
            pytest.skip(f"{SSHD} is not installed (openssh-server)")
        self.folder, self.shelf, self.process = folder, folder / "shelf", None
        if os.geteuid() == 0:  # where a privileged sshd shuts its unprivileged half in
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        for name in ("host", "user", "other"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name],
                           check=True)
        (folder / "known").write_text("")
        self.authorize("user")
        self.start()

    def authorize(self, name):
        (self.folder / "authorized").write_text((self.folder / f"{name}.pub").read_text())

    def start(self, port=0):
        if not port:
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                port = s.getsockname()[1]
        self.port = port
        f = self.folder
        (f / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{port}\nHostKey {f}/host\nAuthorizedKeysFile {f}/authorized\n"
            "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\n"
            "PermitRootLogin yes\nLogLevel VERBOSE\n"
            "KexAlgorithms curve25519-sha256\n"  # half the time of a connection
            f"SetEnv HOME={f}\n")  # without what this user's shell does at each login
        (f / "known").write_text(f"[127.0.0.1]:{port} {(f / 'host.pub').read_text()}")
        (f / "ssh_config").write_text(
            f"Host pi\n HostName 127.0.0.1\n Port {port}\n User {getpass.getuser()}\n"
            f" IdentityFile {f}/user\n IdentitiesOnly yes\n UserKnownHostsFile {f}/known\n"
            " StrictHostKeyChecking yes\n GlobalKnownHostsFile /dev/null\n")
        self.log = open(f / "log", "ab")
        self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", f / "sshd_config"],
                                        stderr=self.log, start_new_session=True)
        wait_for(self.is_listening, message="sshd does not listen:\n" + self.words())

    def words(self):
        return (self.folder / "log").read_text()

    def is_listening(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def board(self, host="pi"):
        return (f"[board far-1]\ntype = pi\nexec = ssh:{host}\nexec-folder = {self.shelf}\n"
                f"ssh-config = {self.folder}/ssh_config\n")

    def environment(self):
        return {}

    def sessions(self):
        """The processes that serve a connection, outermost first."""
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                pid, parent = re.match(r"(\d+) \(.*\) \S (\d+)", stat.read_text()).groups()
            except (OSError, AttributeError):
                continue
            if int(parent) == self.process.pid:
                found.append(int(pid))
        return found

    def cut(self):
        """Every connection, as when the board's network goes; what it runs is left alone."""
        for pid in self.sessions():
            os.kill(pid, 9)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
