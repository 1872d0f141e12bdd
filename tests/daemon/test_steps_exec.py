"""Exec boards: the real firmware as a Linux process, and scripts that print their own text."""

import os
import pathlib
import re
import shutil
import tempfile

import pytest

from agent_process import Agent, script
from conftest import ROOT
from fake_agent_server import FakeServer
from steps_lab import WARM, exec_board, firmware, of_phase, phases, stages

ALL = phases(cold={"boots": 3, "by": "reset"}, warm=dict(WARM, boots=2), memory=True,
             accuracy={"samples": 4})


@pytest.fixture
def run(tmp_path):
    with exec_board(tmp_path) as one:
        yield one


def test_every_phase(run):
    result = run(firmware("host"), **ALL)
    assert result["outcome"] == "passed", result["detail"]
    assert stages(result) == ["flash", "boot", "cold", "warm", "accuracy", "memory", "collect"]
    cold = of_phase(result, "cold")
    assert [c["boot"] for c in cold] == [0, 1, 2]
    assert all(c["kind"] == "reset" and c["first_ticks"] > 0 and c["load_ticks"] > 0
               for c in cold)
    warm = of_phase(result, "warm")
    assert [w["boot"] for w in warm] == [0, 1]
    for w in warm:
        assert w["n"] == len(w["ticks"]) == WARM["iterations"] and w["warmup"] == 2
        assert all(t > 0 for t in w["ticks"])
        assert w["window_ticks"] >= sum(w["ticks"])
    values = of_phase(result, "memory")[0]["values"]
    assert values["arena_used"] > 0 and values["weights"] == result["model"]["bytes"]
    predictions = of_phase(result, "accuracy")[0]
    assert len(predictions["predictions"]) == 4 and len(predictions["logits_crc"]) == 8


def test_what_a_result_says_about_itself(run):
    result = run(firmware("host"), **phases(memory=True))
    assert result["timer"] == {"hz": 1000000000, "kind": "monotonic"}
    assert result["device"]["board"] == "host" and result["device"]["proto"] == 1
    assert len(result["model"]["sha256"]) == 64 and result["model"]["samples"] > 0
    assert result["clock"]["checked"] is False and "clock" in result["clock"]["detail"]
    footprint = result["footprint"]
    assert footprint["weights_bytes"] >= result["model"]["bytes"]
    assert footprint["flash_bytes"] > footprint["weights_bytes"]
    assert ".text" in [s["name"] for s in footprint["sections"]]
    provenance = result["provenance"]
    assert provenance["compiler"].startswith("GCC: (") and "-O2" in provenance["flags"]
    assert provenance["machine"] in ("x86-64", "AArch64")
    assert len(provenance["code_sha256"]) == 64
    assert "lab memory%" in result["log"][3] and "$S,0," in result["log"][0]


def test_predictions_do_not_change(run):
    a, b = [run(firmware("host"), **phases(accuracy={"samples": 8})) for _ in range(2)]
    assert of_phase(a, "accuracy") == of_phase(b, "accuracy")


@pytest.mark.parametrize("kind, outcome, words", [
    ("hardfault", "failed", ["HardFault at port_crash+0x", "(host.c:", "Segmentation fault"]),
    ("assert", "failed", ["assertion at ", "fault injected: assert"]),
    ("hang", "failed", ["watchdog at inject+0x", "(inject.c:", "the watchdog was not fed"]),
    ("reset", "failed", ["reset in mid-run", "after 'lab warm 8 2'"]),
    ("silent", "timeout", ["the firmware is silent", "after lab warm 8 2"]),
    ("cut", "timeout", ["its last words were '$C,1,i=0,t=1000:10'", "lab resend 0"]),
    ("babble", "failed", ["the firmware babbles: 600 bytes", "\\x"]),
])
def test_firmware_that_fails(run, kind, outcome, words):
    result = run(firmware("host", kind), **phases(warm=WARM, memory=True),
                 timeouts_s={"phase": 3 if kind != "cut" else 13})
    assert (result["outcome"], result["stage"]) == (outcome, "warm"), result["detail"]
    for word in words:
        assert word in result["detail"], result["detail"]
    assert stages(result) == ["flash", "boot", "warm", "collect"]
    assert result["footprint"]["flash_bytes"] > 0
    if kind in ("hardfault", "assert", "hang"):
        assert result["fault"]["pc"].startswith("0x")
        assert result["fault"]["registers"]["sp"]


def test_a_line_with_a_wrong_checksum_heals(run):
    result = run(firmware("host", "crc"), **phases(warm=WARM))
    assert result["outcome"] == "passed", result["detail"]
    assert len(of_phase(result, "warm")[0]["ticks"]) == 8


@pytest.mark.parametrize("document, words", [
    (phases(warm={"iterations": 80000}), "can keep 65536"),
    (phases(accuracy={"samples": 1000000}), "Samples: a number from 1 to"),
    (phases(cold={"boots": 2, "by": "power"}), "no power supply"),
    (phases(energy=True), "no power meter"),
    (dict(phases(memory=True), expect={"compiler": "clang 99"}), "expects compiler to be"),
    (dict(phases(memory=True), expect={"model_sha256": "0" * 64}), "expects model_sha256 to be '0000"),
    (dict(phases(memory=True), expect={"ppk2_serial": "E1"}), "neither the image nor the board"),
])
def test_a_job_that_asks_for_what_cannot_be(run, document, words):
    result = run(firmware("host"), **document)
    assert result["outcome"] == "configuration", result["detail"]
    assert words in result["detail"]


def test_a_hash_is_known_by_how_it_begins(run):
    digest = run(firmware("host"), **phases(memory=True))["model"]["sha256"]
    for words, outcome in ((digest[:8], "passed"), (digest[4:12], "configuration")):
        result = run(firmware("host"), **phases(memory=True), expect={"model_sha256": words})
        assert result["outcome"] == outcome, result["detail"]


def test_expectations_that_hold(run):
    result = run(firmware("host"), **phases(memory=True),
                 expect={"compiler": "GCC", "flags": "-O2", "board_type": "host"})
    assert result["outcome"] == "passed", result["detail"]


def test_an_image_for_another_machine(run):
    result = run(firmware("mps2-an386"), **phases(memory=True))
    assert result["outcome"] == "configuration" and result["stage"] == "flash"
    assert "the image is for ARM, board host-1 is " in result["detail"]


def test_no_image_at_all(run):
    result = run(b"hello", **phases(memory=True))
    assert result["outcome"] == "configuration"
    assert "not an ELF file" in result["detail"]


def test_a_program_that_does_not_speak_the_protocol(run):
    result = run(script("while read -r x; do :; done"), **phases(memory=True),
                 timeouts_s={"boot": 1})
    assert (result["outcome"], result["stage"]) == ("timeout", "boot")
    assert "the firmware is silent" in result["detail"]
    result = run(script("echo 'm-init-done\nm-ready'; exit 7"), **phases(memory=True))
    assert result["outcome"] == "failed"
    # What is noticed first, its end or its closed input, is chance; both say how it ended.
    assert "the program" in result["detail"] and "code 7" in result["detail"]


def lines(**more):
    job = {"patterns": [{"metric": "latency_us", "unit": "us", "regex": "latency: ([0-9.]+) us"},
                        {"metric": "score", "regex": "score=([0-9]+)"}]}
    job.update(more)
    return {"protocol": "lines", "lines": job}


PRINTS = "echo 'latency: 1.5 us'; echo 'latency: 2 us score=7'; "


@pytest.mark.parametrize("text, more, outcome, words", [
    (PRINTS, {}, "passed", ""),
    (PRINTS + "exit 3", {}, "failed", "ended with code 3; its last words: 'latency: 2 us score=7'"),
    (PRINTS + "kill -9 $$", {}, "failed", "ended with signal 9"),
    (PRINTS + "echo done; exec sleep 60", {"end": "^done$"}, "passed", ""),
    (PRINTS, {"end": "^done$"}, "failed", "before a line matched the pattern `end`"),
    (PRINTS + "echo ERROR: no model", {"fail": "^ERROR"}, "failed", "'ERROR: no model'"),
    ("echo 'latency: 1 us'", {}, "failed", "no line matched the pattern of score"),
    ("echo 'latency: 1.2.3 us score=1'", {}, "failed", "'1.2.3', which is no number"),
    (PRINTS + "exec sleep 60", {}, "timeout", "last words: 'latency: 2 us score=7'"),
    ("exec sleep 60", {}, "timeout", "the firmware is silent"),
    ("printf 'latency: 5 us score=1'", {}, "passed", ""),  # no line end
    ("printf '\\000\\377junk\\nlatency: 5 us\\r\\nscore=1\\r\\n'", {}, "passed", ""),
])
def test_programs_that_print_their_own_text(run, text, more, outcome, words):
    result = run(script(text), **lines(**more), timeouts_s={"phase": 2})
    assert result["outcome"] == outcome, result["detail"]
    assert words in result["detail"]
    if text.startswith(PRINTS):
        assert result["lines"] == [
            {"phase": "lines", "metric": "latency_us", "unit": "us", "values": [1.5, 2.0]},
            {"phase": "lines", "metric": "score", "unit": "", "values": [7.0]}]


def test_files_lie_beside_the_image(run):
    vocabulary = b"ham\nspam\n"
    seen = "cat vocab.txt; ls; echo spoilt >vocab.txt; " + PRINTS
    for _ in range(2):  # what a program does to its files is gone with its run
        result = run(script(seen), files={"vocab.txt": vocabulary, "set_1.bin": b""}, **lines())
        assert result["outcome"] == "passed", result["detail"]
        assert result["log"][0].startswith("ham\nspam\nset_1.bin\nvocab.txt\n")


def test_names_of_files_are_plain(run):
    for name in ("../vocab.txt", ".vocab", "-rf", "a/b"):
        result = run(script(PRINTS), files={name: b"x"}, **lines())
        assert result["outcome"] == "configuration"
        assert "/files/0/name" in result["detail"] and name in result["detail"]


def test_a_program_that_closes_its_output_and_stays(run):
    image = b"#!/usr/bin/python3\nimport os, time\nos.close(1), os.close(2), time.sleep(60)\n"
    result = run(image, **lines(), timeouts_s={"phase": 2})
    assert result["outcome"] == "timeout"
    assert "closed its output but did not end" in result["detail"]


def test_a_program_sees_nothing_of_the_agent(run):
    result = run(script("env | sort; pwd; ls -A; ls -l /proc/$$/fd; echo 'latency: 1 us score=1'"), **lines())
    assert result["outcome"] == "passed", result["detail"]
    text = result["log"][0]
    names = {line.split("=")[0] for line in text.splitlines() if "=" in line}
    assert names <= {"HOME", "LANG", "PATH", "PWD", "OLDPWD", "SHLVL", "_", "latency: 1 us score"}
    # Its pipes, the shell's script, and the board's lock, which is held as long as something of it lives.
    open_in_it = [line.split(" -> ")[1] for line in text.splitlines() if " -> " in line]
    assert sorted(re.sub(r".*/|:.*", "", path) for path in open_in_it) == [
        ".hilda-image", "board-host-1.lock", "pipe", "pipe", "pipe"], open_in_it


@pytest.mark.skipif(os.geteuid() != 0, reason="changing the user needs root")
def test_programs_run_as_the_boards_user():
    """In a folder that others can walk into, as /var/lib is; the agent's own files stay closed. Under the umask
    that the unit gives with its drop-in."""
    unit = "".join((ROOT / "packaging" / name).read_text()
                   for name in ("hilda-agent.service", "drop-ins/exec-user.conf"))
    mask = int(re.findall(r"(?m)^UMask=(\d+)$", unit)[-1], 8)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hilda-exec-"))
    folder.chmod(0o755)
    server = FakeServer()
    agent = Agent(folder / "agent", server.url, boards=(),
                  extra="[board u1]\ntype = host\nexec = local\nexec-user = nobody\n"
                        "[board u2]\ntype = host\nexec = local\nexec-user = nobody-at-all\n")
    try:
        before = os.umask(mask)
        agent.start()
        os.umask(before)
        image = server.add_artifact(script(
            f"id -un; touch mine && echo wrote; ls {agent.data} || echo closed; "
            "echo 'latency: 1 us score=1'"))
        number = server.submit("u1", image, **lines())
        assert server.wait_result(number)["outcome"] == "passed"
        text = server.text(number).splitlines()
        assert text[0] == "nobody" and "wrote" in text and "closed" in text
        result = server.wait_result(server.submit("u2", image, **lines()))
        assert result["outcome"] == "infrastructure"
        assert "no user nobody-at-all" in result["detail"]
    finally:
        agent.stop()
        server.close()
        shutil.rmtree(folder)
