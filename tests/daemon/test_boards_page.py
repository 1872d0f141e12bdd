"""docs/boards.md cannot rot: the agent reads its sections, OpenOCD the files that they name."""

import re
import subprocess

import pytest

from conftest import ROOT, need, program

PAGE = (ROOT / "docs/boards.md").read_text()
SECTIONS = "".join(re.findall(r"(?ms)^```ini\n(.*?)^```", PAGE))
BOARDS = re.findall(r"(?m)^\[board (\S+)\]", SECTIONS)
PLUGGED = [b for b in BOARDS if "openocd" in SECTIONS.split(f"[board {b}]")[1].split("[board")[0]]
REAL = {"nrf52840dk": "nrf52840-1", "nucleo-f446re": "nucleo-1"}


def setting(board, key):
    section = SECTIONS.split(f"[board {board}]")[1].split("[board")[0]
    found = re.search(rf"(?m)^{key} = (.*)$", section)
    return found.group(1) if found else None


def check(tmp_path, board):
    config = tmp_path / "agent.ini"
    config.write_text(f"[agent]\ndata = {tmp_path}/data\nrun = {tmp_path}/run\n{SECTIONS}")
    return subprocess.run([program("hilda-agent"), "check", board, "--config", str(config)],
                          capture_output=True, text=True, timeout=60)


def test_every_section_is_there():
    assert len(BOARDS) == len(set(BOARDS)) and len(BOARDS) >= 8
    assert {"nrf52840-1", "nucleo-1"} <= set(PLUGGED) < set(BOARDS)


@pytest.mark.parametrize("board", PLUGGED)
def test_a_board_with_a_probe_is_read_and_not_found(tmp_path, board):
    """All that is wrong with it is that nothing is plugged in: files, transport and target are there."""
    need("openocd")
    done = check(tmp_path, board)
    assert done.returncode == 1 and done.stderr == "", done.stderr
    lines = dict(re.findall(r"(?m)^(?:ok|FAIL) +(\w+) +(.*)$", done.stdout))
    assert lines["lock"] == f"nobody else drives board {board}"
    assert "probe not found" in lines["probe"], done.stdout
    serial = setting(board, "console").split(":")[1]
    assert serial in lines["console"], done.stdout
    if setting(board, "power-select"):
        assert setting(board, "power-select").split()[0] in lines["power"], done.stdout
    elif setting(board, "power"):
        assert "PPK2" in lines["power"] and "E1B2C3" in lines["power"], done.stdout


@pytest.mark.parametrize("board", [b for b in BOARDS if b not in PLUGGED])
def test_a_board_that_is_a_program_is_read(tmp_path, board):
    done = check(tmp_path, board)
    assert done.stderr == "" and re.search(r"(?m)^(ok|FAIL) +program ", done.stdout), done.stdout


@pytest.mark.parametrize("board", PLUGGED)
def test_openocd_reads_the_files(board):
    """Everything in front of `init`: adapter, transport, target and the flash that holds the image."""
    need("openocd")
    files = [w for name in setting(board, "openocd").split(", ") for w in ("-f", name)]
    done = subprocess.run(
        ["openocd", "-c", "gdb_port disabled; telnet_port disabled; tcl_port disabled", *files,
         "-c", f"adapter serial {setting(board, 'probe-serial')}",
         "-c", "puts \"[transport select] [[target current] cget -type] [lindex [lindex [flash list] 0] 1]\"; shutdown"],
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert re.match(r"(swd|hla_swd) (cortex_m|hla_target) ", done.stdout), done.stdout + done.stderr


def test_a_jlink_needs_the_board_file():
    """The pitfall of the page, in OpenOCD's words."""
    need("openocd")
    done = subprocess.run(["openocd", "-f", "interface/jlink.cfg", "-f", "target/nrf52.cfg", "-c", "shutdown"],
                          capture_output=True, text=True, timeout=60)
    (words,) = re.findall(r"ends in \*(newtap: [^*]*)\*", PAGE)
    assert done.returncode != 0 and words in done.stderr


@pytest.mark.parametrize("board, flash, dwt, pins", [
    ("nrf52840dk", 0, 0xE0001004, "P0.03, P0.04, P0.28"), ("nucleo-f446re", 0x08000000, 0xE0001004, "PA8, PA9, PA10")])
def test_images_for_real_boards(build, board, flash, dwt, pins):
    """Where they lie, what they count with and what the page says are one."""
    need("arm-none-eabi-gcc")
    elf = build / "firmware" / board / "full-nano-int8.elf"

    def tool(name, *arguments):
        return subprocess.run([f"arm-none-eabi-{name}", *arguments, elf], check=True, capture_output=True, text=True).stdout

    # name, size, address where it runs, address where it is loaded
    table = {n: [int(x, 16) for x in rest] for n, *rest in
             re.findall(r"(?m)^ +\d+ (\S+) +(\w+) +(\w+) +(\w+) ", tool("objdump", "-h"))}
    regions = {kind: (int(base, 16), int(size[:-1]) << (20 if size[-1] == "M" else 10)) for kind, base, size in
               re.findall(r"(\w+) (0x\w+) (\d+[MK])", setting(REAL[board], "memory"))}
    assert regions["flash"][0] == flash == table[".vectors"][1]
    assert table[".vectors"][0] == 4 * (1 + 15 + 65)  # the stack, exceptions, interrupts
    for name in (".vectors", ".text", ".rodata", "hilda_model", ".identity"):
        size, runs, loaded = table[name]
        assert size > 0 and runs == loaded and flash < loaded + size <= flash + regions["flash"][1], name
    for name in (".stack", ".noinit", ".data", ".bss"):
        size, runs, _ = table[name]
        assert regions["ram"][0] <= runs and runs + size <= sum(regions["ram"]), name
    flashed = sum(table[n][0] for n in (".vectors", ".text", ".rodata", "hilda_model", ".identity", ".data"))
    print(f"{board}: {flashed} bytes of flash, .text {table['.text'][0]}, .bss {table['.bss'][0]}")
    assert 20000 < flashed < 200000
    # CYCCNT is in the code that reads the time, and so is a clock for the time in between.
    timer = tool("objdump", "-d", "--disassemble=port_timer_ticks")
    literals = [int(x, 16) for x in re.findall(r"\.word\s+0x(\w+)", timer)]
    assert any(0 <= dwt - base < 4096 for base in literals), timer
    assert "<board_sleep_clock>:" in tool("objdump", "-d", "--disassemble=board_sleep_clock")
    row = re.search(rf"(?m)^\| {board} \|.*$", (ROOT / "firmware-stub/README.md").read_text()).group(0)
    assert "DWT" in row and pins in row and pins in PAGE
