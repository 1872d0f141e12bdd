"""Seven encoders, int8 and int4, patches and text: the same logits on every machine, close to the float network's."""

import subprocess

import pytest

from conftest import need
from firmware_device import MACHINES, QEMU, open_board
from firmware_models import make_image

import modelfile
import network
import quantise
import untrained

KINDS = ["full", "distilbert", "tinybert", "mobilebert", "linformer", "performer", "reformer"]
# Both quantisations and both tasks of each; text has lengths from 1 to 64.
VARIANTS = [("-nano", "int8"), ("-nano-spam", "int4")]
TOO_LARGE = {("microbit", "performer-nano"), ("microbit", "performer-nano-spam")}
FLASH_WITHOUT_WEIGHTS = 40 * 1024
SAMPLES = 8


def measure(image, board):
    with open_board(board, image) as device:
        device.banner()
        accuracy, memory = device.lab("accuracy %d" % SAMPLES), device.lab("memory")
    assert (accuracy.end["status"], memory.end["status"]) == ("ok", "ok")
    return accuracy.logits(), {k: int(v) for k, v in memory.values("S").items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix, quant", VARIANTS)
def test_logits_are_the_same_on_every_machine(build, kind, suffix, quant):
    need("arm-none-eabi-gcc")
    need("qemu-system-arm")
    name = kind + suffix
    expected, memory = measure(make_image(build, "host", name, quant), "host")
    assert len(expected) == SAMPLES and len(set(expected)) > 2, "the logits do not depend on the input"
    compared = 0
    for machine in MACHINES:
        if (machine, name) in TOO_LARGE:
            with pytest.raises(subprocess.CalledProcessError) as refused:
                make_image(build, machine, name, quant)
            assert "%s-%s does not fit %s" % (name, quant, machine) in refused.value.stderr
            continue
        got, sizes = measure(make_image(build, machine, name, quant), machine)
        assert got == expected, machine
        compared += sum(row.count(":") + 1 for row in got)
        # The plan is what is used, but for the rounding of the last piece.
        assert sizes["arena_used"] == memory["arena_used"]
        assert sizes["arena_size"] - 16 < sizes["arena_used"] <= sizes["arena_size"]
        assert 0 < sizes["stack_used"] < sizes["stack_size"]
        assert sizes["text"] + sizes["rodata"] + sizes["data"] <= FLASH_WITHOUT_WEIGHTS
    print("%s %s: %d logits compared" % (name, quant, compared))


@pytest.mark.parametrize("board, kernel", [("mps3-an547", "plain"), ("mps3-an547", "smlad"), ("mps2-an386", "plain")])
@pytest.mark.parametrize("name, quant", [("full-nano", "int8"), ("linformer-nano-spam", "int4"),
                                         ("performer-nano", "int8")])
def test_kernels_of_one_board_agree_and_differ_in_time(build, board, kernel, name, quant):
    need("arm-none-eabi-gcc")
    need("qemu-system-arm")
    runs = []
    for option in ({}, {"KERNEL": kernel}):
        with open_board(board, make_image(build, board, name, quant, **option)) as device:
            device.banner()
            runs.append((device.lab("accuracy 4").logits(), device.lab("warm 1 0").ticks()))
    assert runs[0][0] == runs[1][0]
    assert runs[0][1] < runs[1][1], "the board's own kernels take longer"


def end_to_end(build, tmp_path, name, bits, samples):
    """Logits in steps, of the host's image and of the float network with the weights that the image has."""
    config, weights, inputs = untrained.make(name, samples)
    stored = quantise.as_stored(config, weights, bits)
    ranges = network.calibrate(config, stored, inputs)
    (tmp_path / "model.hlm").write_bytes(quantise.quantise(config, weights, ranges, bits, name))
    (tmp_path / "samples.bin").write_bytes(untrained.sample_list(config, inputs, [255] * samples))
    # A name of its own: the objects are those of the other images.
    image = make_image(build, "host", name + "-end-to-end", "int%d" % bits, HLM=tmp_path / "model.hlm",
                       SAMPLES=tmp_path / "samples.bin")
    with open_board("host", image) as device:
        device.banner()
        got = [list(map(int, row.split(":"))) for row in device.lab("accuracy %d" % samples).logits()]
    expected = network.forward(config, stored, inputs) / (ranges["logits"] / 127)
    return got, expected.tolist()


def argmax(row):
    return row.index(max(row))


# Steps of the logits, mean; a token of Reformer that lies between two buckets may fall into the other one.
@pytest.mark.parametrize("name, bits, mean_limit", [
    (kind + suffix, bits, 8 if kind == "reformer" else 5)
    for kind in KINDS for suffix, bits in (("-nano", 8), ("-nano", 4), ("-nano-spam", 8))])
def test_integer_logits_follow_the_float_network(build, tmp_path, name, bits, mean_limit):
    samples = 48
    got, expected = end_to_end(build, tmp_path, name, bits, samples)
    errors = [abs(q - v) for row, real in zip(got, expected) for q, v in zip(row, real)]
    agree = sum(argmax(q) == argmax(v) for q, v in zip(got, expected))
    mean = sum(errors) / len(errors)
    print("%s int%d: %d of %d classes agree, logits off by %.2f steps of 127 on average, %.1f at most"
          % (name, bits, agree, samples, mean, max(errors)))
    assert mean <= mean_limit
    assert agree >= 0.85 * samples


def test_lost_heads_and_hidden_units_are_read_off_the_weights(build, tmp_path):
    """One layer without any head, the other with three, and feed-forwards of different widths."""
    config, weights, inputs = untrained.make("full-nano", 16)
    cut = dict(weights)
    for layer, heads, hidden in ((0, 3, 48), (1, 0, 20)):
        at, inner = "layers.%d." % layer, heads * config["head_width"]
        for role in "qkv":
            cut[at + role + ".weight"] = weights[at + role + ".weight"][:inner]
            cut[at + role + ".bias"] = weights[at + role + ".bias"][:inner]
        cut[at + "project.weight"] = weights[at + "project.weight"][:, :inner]
        cut[at + "up.weight"], cut[at + "up.bias"] = weights[at + "up.weight"][:hidden], weights[at + "up.bias"][:hidden]
        cut[at + "down.weight"] = weights[at + "down.weight"][:, :hidden]
    ranges = network.calibrate(config, cut, inputs)
    blob = quantise.quantise(config, cut, ranges, 8, "full-nano")
    header = modelfile.ModelFile(blob).header
    assert (header["heads"], header["hidden"]) == (3, 48)
    (tmp_path / "model.hlm").write_bytes(blob)
    (tmp_path / "samples.bin").write_bytes(untrained.sample_list(config, inputs, [255] * 16))
    image = make_image(build, "host", "full-nano-cut", "int8", HLM=tmp_path / "model.hlm",
                       SAMPLES=tmp_path / "samples.bin")
    with open_board("host", image) as device:
        device.banner()
        got = [list(map(int, row.split(":"))) for row in device.lab("accuracy 16").logits()]
        assert device.lab("memory").end["status"] == "ok"
    expected = network.forward(config, cut, inputs) / (ranges["logits"] / 127)
    errors = [abs(q - v) for row, real in zip(got, expected) for q, v in zip(row, real)]
    assert sum(errors) / len(errors) <= 4


@pytest.mark.skipif(QEMU is None, reason="qemu-system-arm is not installed")
@pytest.mark.parametrize("name", ["full-t256", "linformer-t1024-k16", "performer-t256-m32", "reformer-t256"])
def test_long_inputs_run(build, name):
    need("arm-none-eabi-gcc")
    logits = []
    for board in ("host", "mps3-an547"):
        with open_board(board, make_image(build, board, name, "int8")) as device:
            device.banner()
            logits.append(device.lab("accuracy 1").logits())
            assert device.lab("memory").end["status"] == "ok"
    assert logits[0] == logits[1]


def test_what_cannot_be_made_is_refused_by_name(build):
    for model, quant, said in (("full-t4096", "int8", "no such untrained model"), ("full-nano", "int7", "int8 int4"),
                               ("linformer-t64-m8", "int8", "only Linformer has k")):
        with pytest.raises(subprocess.CalledProcessError) as refused:
            make_image(build, "host", model, quant)
        assert said in refused.value.stderr
