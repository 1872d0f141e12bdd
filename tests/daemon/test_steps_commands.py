"""`hilda-agent check` and `discover`, as a person calls them."""

import fcntl
import re
import subprocess

import pytest

from conftest import need, program


def call(*arguments):
    return subprocess.run([program("hilda-agent"), *map(str, arguments)], capture_output=True,
                          text=True, timeout=60)


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
