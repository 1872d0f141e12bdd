"""Exec boards behind the stock ssh, to an sshd of our own, and behind an adb that is played."""

import os
import signal

import pytest

from agent_process import Agent, alive, script
from conftest import wait_for
from exec_kit import Adb, Sshd
from fake_agent_server import FakeServer
from steps_lab import WARM, firmware, of_phase, phases, stages
from test_steps_exec import PRINTS, lines


class Far:
    """A server, an agent, and its one board far-1 behind `link`."""

    def __init__(self, folder, link):
        self.link, self.server = link, FakeServer()
        self.agent = Agent(folder / "agent", self.server.url, boards=(), extra=link.board())

    def submit(self, image, files=(), **document):
        if files:
            document["files"] = [
                {"name": name, "artifact": f"sha256:{self.server.add_artifact(data)}"}
                for name, data in files.items()]
        number = self.server.submit("far-1", self.server.add_artifact(image), **document)
        if self.agent.process is None:
            self.agent.start(**self.link.environment())
        return number

    def run(self, image, files=(), **document):
        number = self.submit(image, files, **document)
        result = self.server.wait_result(number, 60)
        result["log"] = {n: self.server.text(number, n) for n in range(4)}
        return result

    def sent(self, result):
        return result["log"][2].count("sending ")

    def stop(self):
        self.agent.stop()
        self.server.close()
        self.link.stop()


@pytest.fixture(params=[Sshd, Adb], ids=["ssh", "adb"])
def far(request, tmp_path):
    far = Far(tmp_path, request.param(tmp_path / "link"))
    yield far
    far.stop()


@pytest.fixture
def pi(tmp_path):
    far = Far(tmp_path, Sshd(tmp_path / "link"))
    yield far
    far.stop()


@pytest.fixture
def phone(tmp_path):
    far = Far(tmp_path, Adb(tmp_path / "link"))
    yield far
    far.stop()


def test_every_phase(far):
    result = far.run(firmware("host"), **phases(
        cold={"boots": 2, "by": "reset"}, warm=dict(WARM, boots=2), memory=True,
        accuracy={"samples": 4}), labels={"quant": "float32"})
    assert result["outcome"] == "passed", result["detail"]
    assert stages(result) == ["flash", "boot", "cold", "warm", "accuracy", "memory", "collect"]
    assert [w["boot"] for w in of_phase(result, "warm")] == [0, 1]
    # Another machine has another clock: it is compared.
    assert result["clock"]["checked"] is True
    assert result["provenance"]["exec"] is True and result["provenance"]["virtual"] is False


def test_files_go_there_once(far):
    image = script("cat vocab.txt; ls; echo spoilt >vocab.txt; " + PRINTS)
    files = {"vocab.txt": b"ham\nspam\n", "same.txt": b"ham\nspam\n", "set_1.bin": b"\0" * 100000}
    sent = []
    for _ in range(2):
        result = far.run(image, files, **lines())
        assert result["outcome"] == "passed", result["detail"]
        assert result["log"][0].startswith("ham\nspam\nsame.txt\nset_1.bin\nvocab.txt\n")
        sent.append(far.sent(result))
    assert sent == [3, 0]  # two of the four have the same content


def test_what_was_spoilt_there_is_sent_again(far):
    first = far.run(script(PRINTS), **lines())
    assert first["outcome"] == "passed", first["detail"]
    kept, = (far.link.shelf / "files").iterdir()
    kept.chmod(0o700)
    kept.write_bytes(script("echo 'latency: 666 us score=1'"))
    again = far.run(script(PRINTS), **lines())
    assert again["outcome"] == "passed" and again["lines"][0]["values"] == [1.5, 2.0]
    assert (far.sent(first), far.sent(again)) == (1, 1)


def test_only_the_last_used_stay(far):
    shelf = far.link.shelf / "files"
    shelf.mkdir(parents=True)
    for i in range(40):
        (shelf / ("%064x" % i)).write_text("old")
        os.utime(shelf / ("%064x" % i), (i, i))
    assert far.run(script(PRINTS), **lines())["outcome"] == "passed"
    left = sorted(int(p.name, 16) for p in shelf.iterdir())
    assert left[:-1] == list(range(8, 40))


@pytest.mark.parametrize("text, words", [
    (PRINTS + "exit 3", "the program ended with code 3; its last words: 'latency: 2 us score=7'"),
    (PRINTS + "exit 255", "the program ended with code 255"),
    (PRINTS + "kill -9 $$", "the program ended with signal 9"),
    ("echo not so >&2; exit 1", "its last words: 'not so'"),
])
def test_how_a_program_ends(far, text, words):
    result = far.run(script(text), **lines())
    assert result["outcome"] == "failed", result["detail"]
    assert words in result["detail"]


def test_an_image_that_cannot_run_there(far):
    result = far.run(firmware("mps2-an386"), **phases(memory=True))
    assert result["outcome"] == "configuration", result["detail"]
    assert "code 126: it cannot be executed here" in result["detail"]


def endless(folder, rest="exec sleep 600"):
    """A program that reads nothing, with a child, whose pids it leaves behind."""
    return script(f"sleep 600 & echo $! $$ >{folder}/pids; echo up; {rest}")


def pids(folder):
    return [int(p) for p in wait_for(lambda: (folder / "pids").exists() and
                                     (folder / "pids").read_text(), seconds=60).split()]


def gone(all_of_them):
    wait_for(lambda: not any(map(alive, all_of_them)), seconds=15,
             message=f"some of {all_of_them} are still there")


def test_a_cancel_ends_what_runs_there(far, tmp_path):
    number = far.submit(endless(tmp_path), **lines())
    there = pids(tmp_path)
    far.server.cancel(number)
    assert far.server.wait_result(number, 30)["outcome"] == "canceled"
    gone(there)


def test_the_agents_death_ends_what_runs_there(far, tmp_path):
    far.submit(endless(tmp_path), **lines())
    there = pids(tmp_path)
    far.agent.kill()
    gone(there)
    far.agent.process = None


def test_a_phase_that_takes_too_long_ends_there_too(far, tmp_path):
    result = far.run(endless(tmp_path), **lines(), timeouts_s={"phase": 8})
    assert result["outcome"] == "timeout"
    gone(pids(tmp_path))


def test_a_new_boot_begins_when_the_old_one_is_gone(far, tmp_path):
    """The second start finds nothing of the first: two at once would measure each other."""
    wrapper = script(
        f"read -r old <{tmp_path}/pids && read -r a b state c </proc/$old/stat && "
        f"[ $state != Z ] && echo overlap\necho $$ >{tmp_path}/pids\n{tmp_path}/firmware\nexit $?")
    (tmp_path / "firmware").write_bytes(firmware("host"))
    (tmp_path / "firmware").chmod(0o755)
    result = far.run(wrapper, **phases(warm=dict(WARM, boots=4)))
    assert result["outcome"] == "passed", result["detail"]
    assert "overlap" not in result["log"][0]


def test_a_connection_that_is_lost_is_no_fault_of_the_program(pi, tmp_path):
    number = pi.submit(endless(tmp_path), **lines())
    there = pids(tmp_path)
    pi.link.cut()
    result = pi.server.wait_result(number, 30)
    assert result["outcome"] == "infrastructure", result["detail"]
    assert result["detail"].startswith("ssh pi: ") and "Connection" in result["detail"]
    gone(there)


def test_a_phone_that_is_pulled(phone, tmp_path):
    number = phone.submit(endless(tmp_path), **lines())
    there = pids(tmp_path)
    for pid in adb_clients(phone.link.folder / "adb"):
        os.kill(pid, signal.SIGKILL)
    result = phone.server.wait_result(number, 30)
    assert result["outcome"] == "infrastructure", result["detail"]
    assert result["detail"].startswith("adb R58M: it ended without telling")
    gone(there)


def adb_clients(path):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as f:
                if str(path).encode() in f.read().split(b"\0")[1:2]:
                    found.append(int(name))
        except OSError:
            pass
    return found


@pytest.mark.parametrize("what, words", [
    ("down", "Connection refused"),
    ("key", "Permission denied (publickey"),
    ("host", "Host key verification failed."),
])
def test_ssh_s_own_words(pi, what, words):
    if what == "down":
        pi.link.stop()
    elif what == "key":
        pi.link.authorize("other")
    else:
        other = (pi.link.folder / "other.pub").read_text()
        (pi.link.folder / "known").write_text(f"[127.0.0.1]:{pi.link.port} {other}")
    result = pi.run(script(PRINTS), **lines())
    assert (result["outcome"], result["stage"]) == ("infrastructure", "flash")
    assert result["detail"].startswith("ssh pi: ") and words in result["detail"]


@pytest.mark.parametrize("state, words", [
    ("absent", "error: device 'R58M' not found"),
    ("offline", "error: device offline"),
    ("unauthorized", "error: device unauthorized.: allow this host on the device's screen"),
])
def test_adb_s_own_words(phone, state, words):
    phone.link.state(state)
    result = phone.run(script(PRINTS), **lines())
    assert (result["outcome"], result["stage"]) == ("infrastructure", "flash")
    assert result["detail"] == f"adb R58M: {words}"


def test_a_shelf_that_cannot_be_made(far):
    far.link.shelf.write_text("a file")
    result = far.run(script(PRINTS), **lines())
    assert result["outcome"] == "infrastructure"
    assert "mkdir" in result["detail"] or "cannot create" in result["detail"]
