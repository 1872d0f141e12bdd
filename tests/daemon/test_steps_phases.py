"""Accuracy against labels and a host build, profiles, and what depends on the input: from the job to
the agent's result, on exec boards and on a virtual one."""

import random
import struct
import subprocess

import pytest

from agent_process import Agent
from conftest import BUILD, need
from fake_agent_server import FakeServer
from steps_lab import WARM, firmware, of_phase, phases, stages
from virtual_lab import VirtualLab

PARTS = ["embed"] + 2 * ["qkv", "attention", "project", "feed-forward"] + ["classify"]
LAYERS = [None] + 4 * [0] + 4 * [1] + [None]


def reference(n, folder, model="full-nano-int8"):
    """What the host build says of itself and of its first n samples, started in that folder."""
    firmware("host")
    done = subprocess.run([BUILD / "firmware" / "host" / (model + ".elf")], cwd=folder, check=True,
                          input=b"lab id%%lab accuracy %d%%" % n, capture_output=True, timeout=60)
    return done.stdout


def sample_list(n, tokens=49, per_token=16, seed=3, unknown=False):
    """The form HLDS, of noise, with labels 0..9 in turn, or none."""
    labels = bytes(255 if unknown else i % 10 for i in range(n))
    return (b"HLDS" + struct.pack("<HHHH", 1, n, tokens, per_token) + labels + bytes(-n % 4)
            + random.Random(seed).randbytes(n * tokens * per_token))


def listed(server, files):
    return [{"name": name, "artifact": "sha256:" + server.add_artifact(data)}
            for name, data in files.items()]


@pytest.fixture
def run(tmp_path):
    """Runs one job on an exec board; files by name."""
    server = FakeServer()
    agent = Agent(tmp_path / "agent", server.url)

    def one(image, files=None, **document):
        document["files"] = listed(server, files or {})
        number = server.submit("host-1", server.add_artifact(image), **document)
        if agent.process is None:
            agent.start()
        result = server.wait_result(number, 60)
        result["log"] = {n: server.text(number, n) for n in range(4)}
        return result

    yield one
    agent.stop()
    server.close()


def test_a_full_test_set_is_a_file_beside_the_program(run, tmp_path):
    """Larger than the image's list and than a small board's results."""
    samples = sample_list(2000)
    (tmp_path / "samples.bin").write_bytes(samples)
    result = run(firmware("host"), {"samples.bin": samples,
                                    "reference": reference(2000, tmp_path)},
                 **phases(accuracy={"samples": 0, "f1": {"class": 1, "name": "ones"}}))
    assert result["outcome"] == "passed", result["detail"]
    assert result["model"]["samples"] == 2000
    [found] = of_phase(result, "accuracy")
    assert found["n"] == 2000 and found["from"] == "file"
    assert found["labels"] == [i % 10 for i in range(2000)]
    assert len(set(found["predictions"])) > 3
    assert found["reference"]["predictions"] == found["predictions"]
    assert found["reference"]["logits"] == found["logits"] and len(set(found["logits"])) > 1900


@pytest.mark.parametrize("samples, words", [
    (sample_list(4, tokens=50), "another shape"),
    (sample_list(4)[:-1], "cut"),
    (b"HLDT" + sample_list(4)[4:], "does not begin with HLDS"),
    (b"HLDS" + struct.pack("<H", 9) + sample_list(4)[6:], "another version"),
])
def test_a_list_of_samples_that_is_wrong(run, samples, words):
    result = run(firmware("host"), {"samples.bin": samples}, **phases(accuracy={"samples": 2}))
    assert (result["outcome"], result["stage"]) == ("configuration", "accuracy")
    assert words in result["detail"]


def test_a_reference_of_something_else(run, tmp_path):
    good = reference(4, tmp_path)
    sha = good[good.index(b"sha256=") + 7:][:64]
    (tmp_path / "samples.bin").write_bytes(sample_list(4))
    other = reference(4, tmp_path)
    for text, words in [(reference(3, tmp_path), "has 3 samples, the device predicted 4"),
                        (other, "another list of samples"),
                        (good.replace(sha, b"0" * 64), "damaged"), (good[:300], "cut"),
                        (b"hello\n", "no reply to `lab accuracy N`")]:
        result = run(firmware("host"), {"reference": text}, **phases(accuracy={"samples": 4}))
        assert (result["outcome"], result["stage"]) == ("configuration", "accuracy")
        assert words in result["detail"], (words, result["detail"])
    result = run(firmware("host"), {"reference": good}, **phases(accuracy={"samples": 4}))
    assert result["outcome"] == "passed", result["detail"]


def test_f1_needs_labels(run):
    result = run(firmware("host"), {"samples.bin": sample_list(4, unknown=True)},
                 **phases(accuracy={"samples": 4, "f1": {"class": 1, "name": "ones"}}))
    assert result["outcome"] == "configuration" and "no labels" in result["detail"]


@pytest.mark.parametrize("inputs", ["fixed", "list", "rotate"])
def test_inputs_as_the_job_asks(run, inputs):
    result = run(firmware("host"), inputs=inputs, **phases(warm=dict(WARM, iterations=16)))
    assert result["outcome"] == "passed", result["detail"]
    [warm] = of_phase(result, "warm")
    count = 1 if inputs == "fixed" else min(16, result["model"]["samples"])
    assert warm["inputs"] == inputs and warm["input_count"] == count
    word = "" if inputs == "rotate" else " " + inputs
    assert "lab warm 16 2%s%%" % word in result["log"][3]


BETWEEN = b"""#!/usr/bin/python3
import os, subprocess
os.chmod("firmware", 0o755)
p = subprocess.Popen(["./firmware"], stdin=subprocess.PIPE)
while said := os.read(0, 200):
    if b" fixed%" in said and REFUSES:
        os.write(1, b"e-[Wrong number of words after: warm]\\r\\nm-ready\\r\\n")
        continue
    p.stdin.write(said.replace(b" fixed%", b"%"))
    p.stdin.flush()
"""


@pytest.mark.parametrize("refuses, words", [
    (b"0", "asks for fixed inputs, but the firmware ran with inputs=rotate"),
    (b"1", "chooses its inputs itself"),
])
def test_firmware_that_knows_no_word_for_its_inputs(run, refuses, words):
    result = run(BETWEEN.replace(b"REFUSES", refuses), {"firmware": firmware("host")},
                 inputs="fixed", **phases(warm=WARM))
    assert (result["outcome"], result["stage"]) == ("configuration", "warm")
    assert words in result["detail"]


def test_a_search_and_a_profile(run):
    result = run(firmware("host"), **phases(warm=dict(WARM, search=50, seed=9), profile=True))
    assert result["outcome"] == "passed", result["detail"]
    assert stages(result) == ["flash", "boot", "warm", "profile", "collect"]
    [search] = of_phase(result, "search")
    assert search["n"] == len(search["ticks"]) == 50 and search["seed"] == 9
    assert search["ticks"][search["worst"]] == max(search["ticks"])
    assert len(search["worst_ticks"]) == WARM["iterations"]
    [profile] = of_phase(result, "profile")
    assert [p["part"] for p in profile["parts"]] == PARTS
    assert [p.get("layer") for p in profile["parts"]] == LAYERS
    assert all(0 < p["min_ticks"] <= p["median_ticks"] for p in profile["parts"])


def test_a_bottleneck_has_parts_of_its_own(run):
    result = run(firmware("host", model="mobilebert-nano"), **phases(profile=True))
    assert result["outcome"] == "passed", result["detail"]
    parts = [(p["part"], p.get("layer")) for p in of_phase(result, "profile")[0]["parts"]]
    assert len(set(parts)) == len(parts)
    assert {"narrow", "widen", "feed-forward", "attention"} <= {name for name, _ in parts}
    assert parts[0] == ("embed", None) and parts[-1] == ("classify", None)


def test_text_comes_with_its_lengths(run):
    result = run(firmware("host", model="full-nano-spam"),
                 **phases(warm={"iterations": 20, "warmup": 1, "search": 12}))
    assert result["outcome"] == "passed", result["detail"]
    [warm], [search] = of_phase(result, "warm"), of_phase(result, "search")
    assert warm["input_count"] == len(warm["lengths"]) == min(20, result["model"]["samples"])
    assert len(set(warm["lengths"])) > 3 and all(1 <= n <= 64 for n in warm["lengths"])
    # The one input of the search's second half.
    assert len(search["lengths"]) == 1 and 1 <= search["lengths"][0] <= 64


@pytest.mark.parametrize("document, words", [
    (phases(warm={"iterations": 8, "search": 1000000}), "Inputs: a number from 1 to"),
    (phases(accuracy={"samples": 100000}), "Samples: a number from 1 to"),
])
def test_more_than_the_firmware_holds(run, document, words):
    result = run(firmware("host"), **document)
    assert result["outcome"] == "configuration" and words in result["detail"]


@pytest.fixture(scope="module", params=["mps3-an547", "microbit"])
def lab(request, tmp_path_factory):
    need("qemu-system-arm")
    need("openocd")
    one = VirtualLab(tmp_path_factory.mktemp(request.param), request.param)
    yield one
    one.close()


def test_a_board_agrees_with_the_host_build(lab, tmp_path):
    text = reference(8, tmp_path)
    image = firmware(lab.machine)
    result = lab.run(image, files=listed(lab.server, {"reference": text}),
                     **phases(accuracy={"samples": 8}, profile=True,
                              warm=dict(WARM, search=20)))
    assert result["outcome"] == "passed", result["detail"]
    [found] = of_phase(result, "accuracy")
    # The same kernels on another machine: the same logits, bit for bit.
    assert found["reference"]["logits"] == found["logits"]
    assert found["reference"]["predictions"] == found["predictions"]
    [search], [warm] = of_phase(result, "search"), of_phase(result, "warm")
    # Exact counts: the slowest input takes as long again, and as long each time.
    worst = search["ticks"][search["worst"]]
    assert worst == max(search["ticks"]) >= max(warm["ticks"])
    assert set(search["worst_ticks"]) == {worst}
    # And the parts are the whole, but for the copying and the marks.
    [profile] = of_phase(result, "profile")
    whole = sum(p["median_ticks"] for p in profile["parts"])
    assert whole == pytest.approx(sorted(warm["ticks"])[len(warm["ticks"]) // 2], rel=0.01)
