"""What a debugger may expect of the emulated probe and core, asked by the stock openocd."""

import re
import subprocess

import pytest
from conftest import wait_for
from vlab_kit import LOADED, MACHINES, board, images  # noqa: F401 (fixtures)

RAM = 0x20000100
# Where nothing answers, on any of the boards.
NOWHERE = 0x90000000


def symbol(elf, name):
    out = subprocess.run(["arm-none-eabi-nm", elf], stdout=subprocess.PIPE, text=True, check=True).stdout
    return int(re.search(rf"(?m)^(\w+) \w {name}$", out).group(1), 16)


@pytest.mark.parametrize("machine", MACHINES)
def test_identity(machine, board):
    b = board(machine)
    done = b.openocd('init; echo "cpuid=[read_memory 0xe000ed00 32 1]"; shutdown')
    assert done.code == 0, done.text
    ready = b.ready
    assert f"tap/device found: {ready['idcode']}" in done.text
    assert f"{ready['mcu']} r" in done.text
    assert done.number("cpuid") == int(ready["cpuid"], 0)
    assert "UNEXPECTED" not in done.text and "Error" not in done.text


@pytest.mark.parametrize("machine", MACHINES)
def test_registers_keep_what_is_written(machine, board, images):
    b = board(machine)
    b.put_well(images(machine))
    names = ["r0", "r7", "r8", "r12", "lr", "psp", "primask", "control"]
    values = {"r0": 0xDEADBEEF, "r7": 1, "r8": 0x80000000, "r12": 0x12345678, "lr": 0x101, "psp": 0x20000F00,
              "primask": 1, "control": 0}
    write = "; ".join(f"set_reg {{{n} {values[n]:#x}}}" for n in names)
    # A step in between drops what openocd itself remembers; `nop`s at the place leave registers alone.
    script = (f"init; reset halt; mwh {RAM:#x} 0xbf00 16; reg pc {RAM:#x}; {write}; step; "
              + "; ".join(f'echo "{n}=[dict get [get_reg {n}] {n}]"' for n in names)
              + '; echo "pc=[dict get [get_reg pc] pc]"; shutdown')
    done = b.openocd(script)
    assert done.code == 0, done.text
    for n in names:
        assert done.number(n) == values[n], n
    assert done.number("pc") == RAM + 2


@pytest.mark.parametrize("machine", MACHINES)
def test_halt_step_resume(machine, board, images):
    b = board(machine)
    elf = images(machine)
    b.put_well(elf)
    with b.console() as console:
        done = b.openocd('init; reset halt; echo "pc=[dict get [get_reg pc] pc]"; '
                         'step; echo "next=[dict get [get_reg pc] pc]"; resume; shutdown')
        assert done.code == 0, done.text
        assert done.number("pc") == symbol(elf, "reset")
        assert done.number("next") == symbol(elf, "reset") + 2
        console.wait(b"hello from")
    assert b.state() == "running"
    assert b.openocd("init; halt; shutdown").code == 0
    assert b.state() == "halted"


# A software breakpoint cannot stand in flash.
@pytest.mark.parametrize("machine, kind", [(m, "hw") for m in MACHINES] + [(m, "") for m in LOADED])
def test_breakpoints(machine, kind, board, images):
    b = board(machine)
    elf = images(machine)
    b.put_well(elf)
    main = symbol(elf, "main")
    done = b.openocd(f"init; reset halt; bp {main:#x} 2 {kind}; resume; wait_halt 5000; "
                     f'echo "pc=[dict get [get_reg pc] pc]"; rbp {main:#x}; resume; shutdown')
    assert done.code == 0, done.text
    assert done.number("pc") == main
    assert b.state() == "running"


def test_a_breakpoint_set_while_the_core_runs(board, images):
    b = board("mps2-an386")
    elf = images("mps2-an386")
    b.put_well(elf)
    with b.console() as console:
        assert b.openocd(f"init; bp {symbol(elf, 'get'):#x} 2 hw; shutdown").code == 0
        # The core sleeps until a byte comes; then it runs into the breakpoint.
        assert b.state() == "running"
        console.send(b"x\n")
        wait_for(lambda: b.state() == "halted", message="the breakpoint was passed")


@pytest.mark.parametrize("machine", MACHINES)
def test_memory_of_every_width(machine, board):
    b = board(machine)
    script = (f"init; halt; mww {RAM:#x} 0x11223344; mwh {RAM + 2:#x} 0xaabb; mwb {RAM + 1:#x} 0xcc; "
              f'echo "word=[read_memory {RAM:#x} 32 1]"; echo "half=[read_memory {RAM + 2:#x} 16 1]"; '
              f'echo "byte=[read_memory {RAM + 1:#x} 8 1]"; '
              f"write_memory {RAM + 0x40:#x} 8 {{1 2 3 4 5 6 7}}; write_memory {RAM + 0x80:#x} 16 {{0x102 0x304 0x506}}; "
              f'echo "odd=[read_memory {RAM + 0x43:#x} 8 4]"; echo "halves=[read_memory {RAM + 0x80:#x} 16 3]"; '
              f"write_memory {RAM + 0xefc:#x} 32 {{1 2 3 4}}; "
              f'echo "across=[read_memory {RAM + 0xefc:#x} 32 4]"; shutdown')
    done = b.openocd(script)
    assert done.code == 0, done.text
    assert done.number("word") == 0xAABBCC44
    assert done.number("half") == 0xAABB
    assert done.number("byte") == 0xCC
    assert done.value("odd").split() == ["0x4", "0x5", "0x6", "0x7"]
    assert done.value("halves").split() == ["0x102", "0x304", "0x506"]
    assert done.value("across").split() == ["0x1", "0x2", "0x3", "0x4"]


@pytest.mark.parametrize("machine", ["mps2-an386", "microbit"])
def test_memory_is_reached_while_the_core_runs(machine, board, images):
    b = board(machine)
    elf = images(machine)
    b.put_well(elf)
    ticks = symbol(elf, "ticks")
    script = f'init; echo "ticks=[read_memory {ticks:#x} 32 1]"; shutdown'
    with b.console() as console:
        console.send(b"\n")
        console.wait(b"echo \r\n")
        before = b.openocd(script).number("ticks")
        console.send(b"abc\n")
        console.wait(b"echo abc\r\n")
        assert b.openocd(script).number("ticks") == before + 4
    assert b.state() == "running"


@pytest.mark.parametrize("machine", MACHINES)
def test_where_nothing_answers(machine, board):
    b = board(machine)
    done = b.openocd(f"init; halt; mww {NOWHERE:#x} 1; shutdown")
    assert done.code == 1
    assert f"Failed to write memory at {NOWHERE:#010x}" in done.text
    # The port is in order again after the error was cleared.
    done = b.openocd(f'init; halt; catch {{read_memory {NOWHERE:#x} 32 1}}; echo "ok=[read_memory {RAM:#x} 32 1]"; shutdown')
    assert done.code == 0, done.text
    done.value("ok")


@pytest.mark.parametrize("machine", MACHINES)
def test_a_sleeping_core_is_woken_by_the_debugger(machine, board, images):
    """The image sleeps in WFI; halted there, the core runs what it is then given, and goes on after."""
    b = board(machine)
    elf = images(machine)
    b.put_well(elf)
    with b.console() as console:
        console.send(b"before\n")
        console.wait(b"echo before\r\n")
        wait_for(lambda: b.state() == "running")
        verify = "" if machine == "microbit" else f"verify_image {{{elf}}}; "
        done = b.openocd(f"init; halt; {verify}mwh {RAM + 0xe00:#x} 0xbf30; mwh {RAM + 0xe02:#x} 0xbf00; "
                         f"set pc [dict get [get_reg pc] pc]; reg pc {RAM + 0xe00:#x}; step; "
                         'echo "slept=[dict get [get_reg pc] pc]"; step; echo "pc=[dict get [get_reg pc] pc]"; '
                         "reg pc $pc; resume; shutdown")
        assert done.code == 0, done.text
        assert done.number("slept") == RAM + 0xE02
        assert done.number("pc") == RAM + 0xE04
        console.send(b"after\n")
        console.wait(b"echo after\r\n")


def test_a_guest_in_lockup_is_found_and_reset(board, images):
    """The emulator ends there; a debugger sees a locked-up core that a new image brings back."""
    b = board("mps2-an386")
    elf = images("mps2-an386")
    b.put_well(elf)
    with b.console() as console:
        console.send(b"crash\n")
        wait_for(lambda: b.state() == "lockup", message="no lockup")
        done = b.openocd("init; shutdown")
        assert "clearing lockup after double fault" in done.text
        b.put_well(elf)
        console.wait(b"hello from mps2-an386")


@pytest.mark.parametrize("machine", MACHINES)
def test_reset_run_does_not_run_what_lies_at_pc(machine, board, images):
    """openocd lets the core go before it resets it; behind PC there may be nothing that can run."""
    b = board(machine)
    b.put_well(images(machine))
    ram = [m for m in b.ready["memory"] if m["kind"] == "ram"][-2 if machine == "mps3-an547" else -1]
    end = ram["base"] + ram["bytes"]
    with b.console() as console:
        done = b.openocd(f"init; halt; mwh {end - 16:#x} 0xbf00 8; reg pc {end - 16:#x}; step; "
                         'echo "pc=[dict get [get_reg pc] pc]"; reset run; shutdown')
        assert done.code == 0, done.text
        assert done.number("pc") == end - 14
        console.wait(b"hello from")
    assert b.status()["cycles"] == "1", "the emulator ended and was started again"


def test_an_image_that_cannot_run_parks_the_core(board):
    b = board("mps2-an386")
    done = b.openocd("init; reset halt; mww 0 0x20001000; mww 4 0x90000001; resume; shutdown")
    assert done.code == 0, done.text
    b.tell("reset")
    assert b.state() == "lockup" and b.qemu_pid()


SERIAL_WIRE = """adapter driver buspirate
buspirate port {{{probe}}}
buspirate mode normal
buspirate vreg 0
buspirate pullup 0
transport select swd
reset_config none
gdb_port disabled
telnet_port disabled
tcl_port disabled
swd newdap v cpu -expected-id {dpidr}
dap create v.dap -chain-position v.cpu
target create v.cpu cortex_m -dap v.dap -ap-num 0
cortex_m reset_config sysresetreq
"""
DPIDR = {"mps3-an547": "0x6ba01477", "mps2-an386": "0x2ba01477", "mps2-an500": "0x5ba01477", "microbit": "0x0bb11477"}


@pytest.mark.parametrize("machine", MACHINES)
def test_serial_wire(machine, board):
    b = board(machine)
    config = b.folder / "swd.cfg"
    config.write_text(SERIAL_WIRE.format(probe=b.folder / "probe", dpidr=DPIDR[machine]))
    done = b.openocd(f"init; reset halt; write_memory {RAM:#x} 32 {{0x12345678 0x9abcdef0}}; "
                     f'echo "words=[read_memory {RAM:#x} 32 2]"; echo "byte=[read_memory {RAM + 1:#x} 8 1]"; '
                     f"reg pc {RAM:#x}; mwh {RAM:#x} 0xbf00 2; step; "
                     'echo "pc=[dict get [get_reg pc] pc]"; '
                     f"catch {{read_memory {NOWHERE:#x} 32 1}}; "
                     f'echo "again=[read_memory {RAM + 4:#x} 32 1]"; shutdown', config=config)
    assert done.code == 0, done.text
    assert f"SWD DPIDR {DPIDR[machine]}" in done.text
    assert done.value("words").split() == ["0x12345678", "0x9abcdef0"]
    assert done.number("byte") == 0x56
    assert done.number("pc") == RAM + 2
    assert f"Failed to read memory at {NOWHERE:#010x}" in done.text
    assert done.number("again") == 0x9ABCDEF0


def test_jtag_after_serial_wire_after_a_killed_session(board, images):
    """A session that is cut off leaves nothing behind in the probe."""
    b = board("mps2-an386")
    b.openocd("init; while {1} {mdw 0 64}", seconds=1.0)
    assert b.status()["probe"] == "idle"
    config = b.folder / "swd.cfg"
    config.write_text(SERIAL_WIRE.format(probe=b.folder / "probe", dpidr=DPIDR["mps2-an386"]))
    assert b.openocd("init; halt; shutdown", config=config).code == 0
    b.put_well(images("mps2-an386"))
