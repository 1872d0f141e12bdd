"""hilda model: what a model file says, what is wrong with a damaged one, and what an encoder takes."""

import hashlib
import json
import struct
import subprocess
import sys
import zlib

import pytest

from conftest import ROOT, program

MODELS = ROOT / "firmware-stub/models"
COMMITTED = sorted(MODELS.glob("*.hlm"))
sys.path.insert(0, str(ROOT / "firmware-stub/convert"))
sys.dont_write_bytecode = True
from modelfile import ModelFile  # noqa: E402


def model(*args, code=0):
    done = subprocess.run([program("hilda"), "model", *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: p.stem)
def test_info_says_what_the_writer_wrote(path):
    data, got = path.read_bytes(), json.loads(model("info", path, "--json").stdout)
    written = ModelFile(data)
    for key in ("name", "quant", "variant", "bytes", "arena_bytes", "tokens", "width", "heads", "layers", "classes", "k"):
        assert got[key] == written.header[key], key
    assert got["sha256"] == hashlib.sha256(data).hexdigest()
    assert int(got["crc32"], 16) == zlib.crc32(data[:-4])
    assert [(t["role"], t.get("layer", 255), t["rows"], t["columns"], t["bytes"]) for t in got["tensors"]] == [
        (role, layer, rows, columns, len(payload)) for role, layer, _, _, rows, columns, payload in written.tensors]
    text = model("info", path).stdout
    assert got["sha256"] in text and f"{got['arena_bytes']} bytes" in text


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: p.stem)
def test_size_foretells_the_file(path):
    info = json.loads(model("info", path, "--json").stdout)
    if "-heads" in info["name"] or "-ff" in info["name"]:
        return  # a pruned one has no configuration of its own
    size = json.loads(model("size", "--config", info["name"], "--bits", info["quant"].removeprefix("int"), "--json").stdout)
    assert size["tokens"] == info["tokens"]
    assert size["activation_bytes"] == info["arena_bytes"]
    # The rest is header, table, and tables of softmax and GELU.
    other = sum(t["bytes"] for t in info["tensors"] if t["role"] in ("softmax", "gelu", "exponential", "scales", "add1",
                                                                      "add2", "add3", "pool"))
    assert abs(info["bytes"] - other - 128 - 32 * len(info["tensors"]) - size["weight_bytes"]) < 0.05 * info["bytes"]


def damaged(data, at, value):
    """With a CRC-32 that is right again."""
    body = data[:at] + value + data[at + len(value):-4]
    return body + struct.pack("<I", zlib.crc32(body))


def test_damage_is_named(tmp_path):
    data = (MODELS / "full-nano-int8.hlm").read_bytes()
    for bad, words in (
            (data[:5000], "cut or longer"), (data + b"\0\0\0\0", "cut or longer"), (data[:60], "no HLDM header"),
            (data[:9000] + b"\x55" + data[9001:], "wrong CRC-32"), (damaged(data, 4, b"\x01\x00"), "another format version"),
            (damaged(data, 18, b"\x09"), "unknown architecture"), (damaged(data, 19, b"\x05"), "neither 8 nor 4 bits"),
            (damaged(data, 128 + 3 * 16, b"\x0c"), "(tensor 3, k)"), (damaged(data, 128 + 16 + 4, b"\xff\xff"), "(tensor 1"),
            (damaged(data, 16, b"\xff\xff"), "table of tensors"), (damaged(data, 56, b"a,b"), "no printable word")):
        path = tmp_path / "x.hlm"
        path.write_bytes(bad)
        done = model("info", path, code=10)
        assert words in done.stderr and str(path) in done.stderr and not done.stdout


def test_other_files_are_named(tmp_path):
    for name, words in (("full-nano.onnx.xz", "convert.py"), ("samples-fashion.bin", "list of samples"), ("model.c", "HLDM")):
        assert words in model("info", MODELS / name, code=10).stderr
    assert "ELF" in model("info", program("hilda"), code=10).stderr
    (tmp_path / "empty").write_bytes(b"")
    model("info", tmp_path / "empty", code=10)
    model("info", tmp_path / "none", code=10)
    model("info", code=2)


def test_size_of_published_encoders():
    rows = {r["config"]: r for r in json.loads(model("size", "--seq", 128, "--bits", 32, "--json").stdout)}
    for name, millions in (("bert-base", 110), ("distilbert", 66), ("tinybert-4", 14.5), ("mobilebert", 25.3)):
        assert rows[name]["parameters"] == pytest.approx(millions * 1e6, rel=0.01)
        assert not any(m["fits"] for m in rows[name]["memories"])
    text = model("size", "--config", "full-nano", "--seq", 100).stdout
    assert "longer" in text and "LONGEST SEQUENCE" in text


@pytest.mark.parametrize("args, words", [
    (["--config", "bert"], "known: bert-base"), (["--bits", "16"], "not 32, 8 or 4"), (["--seq", "0"], "--seq 0"),
    (["--seq", "x"], "--seq x"), (["surplus"], "does not take"),
])
def test_wrong_sizes_are_refused(args, words):
    assert words in model("size", *args, code=2).stderr
