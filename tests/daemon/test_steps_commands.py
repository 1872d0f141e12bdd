"""`hilda-agent check` and `discover`, as a person calls them."""

import fcntl
import os
import re
import subprocess

import pytest

from conftest import need, program
from exec_kit import Adb, Sshd


def call(*arguments, **environment):
    return subprocess.run([program("hilda-agent"), *map(str, arguments)], capture_output=True,
                          text=True, timeout=60, env={**os.environ, **environment})


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "agent.ini"
    path.write_text(f"""[agent]
name = bench
data = {tmp_path}/data
run = {tmp_path}/run
[board m55-1]
virtual = mps3-an547
[board host-1]
type = host
exec = local
[board host-2]
type = host
exec = local
exec-user = nobody-of-that-name
[board nucleo-1]
type = nucleo-f446re
openocd = interface/stlink.cfg, target/stm32f4x.cfg
console = usb:066AFF:2
power = ppk2:E1B2C3, source, 3300 mV
""")
    return path


def test_check_starts_a_virtual_board(config):
    need("qemu-system-arm")
    need("openocd")
    done = call("check", "m55-1", "--config", config)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", "board"], ["ok", "power"], ["ok", "probe"], ["ok", "IDCODE"], ["ok", "console"]]
    assert re.search(r"PPK2 VP-\w+, source mode, 3300 mV read back, calibration [0-9a-f]{12}", done.stdout)
    assert "buspirate, by OpenOCD 0.12.0" in done.stdout
    assert "0x6ba00477, as configured" in done.stdout
    folder = done.stderr.split("dir=")[1].split()[0]
    assert subprocess.run(["pgrep", "-f", f"hilda-vboard.*{folder}"]).returncode == 1


def test_check_names_what_is_missing(config):
    need("openocd")
    done = call("check", "nucleo-1", "--config", config)
    assert done.returncode == 1
    verdicts = [line.split()[:2] for line in done.stdout.splitlines()]
    assert verdicts == [["ok", "lock"], ["FAIL", "power"], ["FAIL", "probe"], ["FAIL", "console"]]
    assert "PPK2 E1B2C3: " in done.stdout
    assert done.stdout.count("hilda-agent discover") >= 2


def test_check_leaves_a_busy_board_alone(config, tmp_path):
    call("check", "nucleo-1", "--config", config)
    lock = next((tmp_path / "run").glob("*nucleo-1.lock"))
    with open(lock) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = call("check", "nucleo-1", "--config", config)
    assert done.returncode == 1
    assert done.stdout.startswith("FAIL  lock") and "FAIL  probe" not in done.stdout


def test_check_of_exec_boards(config):
    assert call("check", "host-1", "--config", config).returncode == 0
    done = call("check", "host-2", "--config", config)
    assert done.returncode == 1 and "adduser --system nobody-of-that-name" in done.stdout


def test_check_of_boards_that_are_reached_by_ssh(tmp_path):
    sshd = Sshd(tmp_path / "sshd")
    try:
        config = tmp_path / "agent.ini"
        config.write_text(sshd.board())
        done = call("check", "far-1", "--config", config)
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(r"^ok    program  images run behind ssh pi, which says it is Linux \w+$", done.stdout, re.M)
        assert not sshd.shelf.exists(), "a check changes nothing"
        sshd.authorize("other")
        done = call("check", "far-1", "--config", config)
    finally:
        sshd.stop()
    assert done.returncode == 1
    assert re.search(r"^FAIL  program  ssh pi: .*Permission denied.*; as the agent's user", done.stdout, re.M), done.stdout


def test_check_of_boards_that_are_reached_by_adb(tmp_path):
    adb = Adb(tmp_path / "adb")
    config = tmp_path / "agent.ini"
    config.write_text(adb.board())
    done = call("check", "far-1", "--config", config, **adb.environment())
    assert done.returncode == 0 and "behind adb R58M, which says it is Linux" in done.stdout, done.stdout
    adb.state("absent")
    done = call("check", "far-1", "--config", config, **adb.environment())
    assert done.returncode == 1
    assert "FAIL  program  adb R58M: error: device 'R58M' not found; `adb devices` lists" in done.stdout


def test_check_of_boards_that_are_emulated_by_qemu_user(tmp_path):
    config = tmp_path / "agent.ini"
    config.write_text("[board a]\ntype = t\nexec = qemu:aarch64\n[board b]\ntype = t\nexec = qemu:none-such\n")
    done = call("check", "b", "--config", config)
    assert done.returncode == 1 and "qemu-none-such" in done.stdout
    assert "apt-get install qemu-user" in done.stdout and "hilda-vboard" not in done.stderr
    need("qemu-aarch64")
    done = call("check", "a", "--config", config)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok    program  images run on this host, emulated by qemu-aarch64 version" in done.stdout


def test_wrong_usage(config, tmp_path):
    done = call("check", "moon", "--config", config)
    assert done.returncode == 1
    assert "has no board 'moon'; it has: m55-1, host-1, host-2, nucleo-1" in done.stderr
    assert call("check").returncode == 2
    done = call("check", "m55-1", "--config", tmp_path / "absent.ini")
    assert done.returncode == 1 and "absent.ini" in done.stderr


def test_discover_says_what_to_do():
    done = call("discover")
    assert done.returncode in (0, 1)
    assert done.stdout.strip()
    if "probe-serial" not in done.stdout:
        assert "virtual = mps3-an547" in done.stdout
