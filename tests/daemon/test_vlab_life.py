"""How a virtual board starts and ends: ready file, lock, parent, leftovers."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys

import pytest
from conftest import program, wait_for
from vlab_kit import MACHINES, Board, board, images, needs  # noqa: F401 (fixtures)

MACHINE = "mps2-an386"


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("machine", MACHINES)
def test_ready_file_says_what_to_connect_to(machine, board):
    b = board(machine)
    ready = b.ready
    assert ready["version"] == 1 and ready["machine"] == ready["type"] == machine
    assert ready["pid"] == b.process.pid
    for key, name in (("probe", "probe"), ("console", "console"), ("control", "control"), ("openocd", "openocd.cfg"),
                      ("ppk2", "ppk2")):
        assert ready[key] == f"{b.folder}/{name}"
        assert os.path.exists(ready[key]), key
    for key in ("probe", "console", "ppk2"):
        assert os.readlink(ready[key]).startswith("/dev/pts/")
    assert ready["flash"] == ("program" if machine == "microbit" else "load")
    assert int(ready["idcode"], 0) & 1 and int(ready["cpuid"], 0) >> 24 == 0x41
    assert ready["hz"] in (16000000, 25000000, 32000000) and ready["icount_shift"] in (5, 6)
    assert ready["uart_baud"] == 115200 and ready["tags"][0] == ready["mcu"].lower()
    kinds = {m["kind"] for m in ready["memory"]}
    assert kinds == ({"flash", "ram"} if machine == "microbit" else {"ram"})
    assert any(m["base"] == 0 and m["bytes"] >= 256 * 1024 for m in ready["memory"])
    assert ready["serial"].startswith("VB-") and ready["ppk2_serial"].startswith("VP-")
    version = subprocess.run(["qemu-system-arm", "--version"], stdout=subprocess.PIPE, text=True).stdout
    assert f"version {ready['qemu']} " in version


def test_serial_number_belongs_to_the_folder(board):
    first = board(MACHINE)
    other = board(MACHINE)
    serial = first.ready["serial"]
    assert other.ready["serial"] != serial
    first.stop()
    assert board(MACHINE, folder=first.folder).ready["serial"] == serial


def test_flash_whose_program_locks_up_at_once_is_programmed_anew(board, images, tmp_path):
    """As after an OpenOCD that was killed in the middle: vectors are there, the rest is erased."""
    folder = tmp_path / "half"
    folder.mkdir()
    vectors = struct.pack("<4I", 0x20000800, 0x4001, 0x4001, 0x4001)
    (folder / "flash.bin").write_bytes(vectors.ljust(256 * 1024, b"\xff"))
    b = board("microbit", folder=folder)
    assert int(b.ready["cpuid"], 0) >> 24 == 0x41
    wait_for(lambda: b.state() == "lockup", message="no lockup")
    with b.console() as console:
        b.put_well(images("microbit"))
        console.wait(b"hello from microbit")


def test_second_board_on_the_same_folder_is_refused(board):
    b = board(MACHINE)
    ready = b.ready
    second = subprocess.run([program("hilda-vboard"), "--machine", MACHINE, "--dir", b.folder], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=20)
    assert second.returncode == 1
    assert str(b.process.pid) in second.stdout and "give each its own --dir" in second.stdout
    assert b.ready == ready and b.state() == "running"


def test_nothing_pretends_to_live_after_the_end(board):
    b = board(MACHINE)
    qemu = b.qemu_pid()
    b.stop()
    assert b.process.returncode == 0
    assert not alive(qemu)
    left = set(os.listdir(b.folder))
    assert not left & {"ready.json", "probe", "console", "control", "ppk2"}
    # And the folder can be used again.
    assert board(MACHINE, folder=b.folder).state() == "running"


def test_killed_board_takes_qemu_along(board):
    b = board(MACHINE)
    qemu = b.qemu_pid()
    b.process.kill()
    b.process.wait()
    wait_for(lambda: not alive(qemu), message="QEMU outlived its board")
    # What it left behind does no harm.
    again = board(MACHINE, folder=b.folder)
    assert again.ready["pid"] == again.process.pid


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_board_ends_with_its_parent(how, tmp_path):
    needs()
    folder = tmp_path / "board"
    script = ("import subprocess, sys, time\n"
              f"p = subprocess.Popen([{str(program('hilda-vboard'))!r}, '--machine', {MACHINE!r}, '--dir', {str(folder)!r}])\n"
              "print(p.pid, flush=True)\n"
              "time.sleep(60)\n")
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        child = int(parent.stdout.readline())
        wait_for((folder / "ready.json").exists, 30, message="not ready")
        parent.send_signal(how)
        parent.wait(10)
        wait_for(lambda: not alive(child), message="the board outlived its parent")
        assert not (folder / "ready.json").exists()
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()


def test_driving_log_says_who_had_the_probe(board):
    b = board(MACHINE)
    for _ in range(2):
        assert b.openocd("init; shutdown").code == 0
    lines = wait_for(lambda: (n := (b.folder / "driving.log").read_text().splitlines()) and len(n) == 4 and n)
    events = [json.loads(line) for line in lines]
    assert [e["event"] for e in events] == ["open", "close"] * 2
    assert [e["session"] for e in events] == [1, 1, 2, 2]
    assert [e["mono_ns"] for e in events] == sorted(e["mono_ns"] for e in events)
    for opened, closed in zip(events[::2], events[1::2]):
        assert opened["program"] == "openocd" and opened["pid"] == closed["pid"] > 1


def test_help_and_version():
    told = subprocess.run([program("hilda-vboard"), "--help"], stdout=subprocess.PIPE, text=True, timeout=10)
    assert told.returncode == 0
    for word in [*MACHINES, "probe-drop", "uart-babble", "ppk2-slip", "--ppk2-seed", "energy FROM TO", "--dir", "ready.json", "examples:", "Exit codes"]:
        assert word in told.stdout
    told = subprocess.run([program("hilda-vboard"), "--version"], stdout=subprocess.PIPE, text=True, timeout=10)
    assert told.returncode == 0 and told.stdout.startswith("hilda-vboard ")


@pytest.mark.parametrize("arguments, word", [(["--machine", "pdp-11", "--dir", "x"], "no machine is called 'pdp-11'; known: mps3-an547, mps2-an386,"),
                                             (["--dir", "x"], "--machine"),
                                             (["--machine", MACHINE], "--dir"), (["--nonsense"], "nonsense"),
                                             (["--fault", "uart-cut"] * 17, "more than 16"),
                                             (["--ppk2-seed", "0"], "from 1 to")])
def test_bad_arguments(arguments, word, tmp_path):
    told = subprocess.run([program("hilda-vboard"), *arguments], cwd=tmp_path, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=10)
    assert told.returncode == 2 and word in told.stdout
    assert not os.listdir(tmp_path)


def test_bad_fault_at_the_start_is_refused(tmp_path):
    needs()
    b = Board(tmp_path / "board", MACHINE, "nonsense", wait=False)
    assert b.process.wait(20) == 1
    assert "no fault is called 'nonsense'" in b.words() and "probe-absent" in b.words()
    b.stop()


def test_folder_with_a_long_name(board, tmp_path):
    deep = tmp_path / ("d" * 100) / ("e" * 60)
    deep.mkdir(parents=True)
    b = board(MACHINE, folder=deep / "board with a space")
    assert b.state() == "running"
    assert b.openocd("init; shutdown").code == 0


def test_missing_qemu_is_named(tmp_path):
    """PATH without it, but with everything else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    told = subprocess.run([program("hilda-vboard"), "--machine", MACHINE, "--dir", tmp_path / "board"],
                          env={"PATH": str(folder)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
    assert told.returncode == 1 and "apt-get install qemu-system-arm" in told.stdout


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    told = subprocess.run([program("hilda-vboard"), "--machine", MACHINE, "--dir", tmp_path / "file" / "board"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
    assert told.returncode == 1 and str(tmp_path / "file") in told.stdout and "--dir" in told.stdout


def test_too_many_and_too_long_control_clients(board):
    b = board(MACHINE)
    clients = []
    try:
        folder = os.open(b.folder, os.O_PATH)
        for _ in range(9):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(10)
            s.connect(f"/proc/self/fd/{folder}/control")
            clients.append(s)
        os.close(folder)
        assert b"too many clients" in clients[8].recv(200)
        clients[0].sendall(b"x" * 1000)
        try:
            assert clients[0].recv(100) == b""
        except ConnectionResetError:
            pass
        clients[1].sendall(b"status\nstatus\n")
        reply = b""
        while reply.count(b"\n") < 2:
            reply += clients[1].recv(4096)
        assert reply.startswith(b"ok state=running")
    finally:
        for s in clients:
            s.close()
    assert wait_for(lambda: b.state() == "running")
