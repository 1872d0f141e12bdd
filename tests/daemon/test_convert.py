"""From ONNX to a model file: the interpreter against ONNX's own cases, what is refused and how, the same bytes again."""

import io
import json
import lzma
import math
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import ROOT
from firmware_models import make_image

CONVERT = ROOT / "firmware-stub/convert"
MODELS = ROOT / "firmware-stub/models"
EXAMPLE = CONVERT / "example"
sys.path.insert(0, str(CONVERT))
sys.dont_write_bytecode = True
import convert as convert_module  # noqa: E402
import evaluate  # noqa: E402
import sample_list as lists_of_samples  # noqa: E402
from convert import Model, onnx_bytes  # noqa: E402
from erf import erf  # noqa: E402
from graph import OPERATORS, Refused, array, attributes  # noqa: E402
from modelfile import ModelFile  # noqa: E402
from untrained import config_of, draw_inputs, sample_list  # noqa: E402


def convert(*args):
    return subprocess.run(["/usr/bin/python3", CONVERT / "convert.py", *map(str, args)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300)


def good(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(done, *words):
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """A list of samples of the example's shape."""
    path = tmp_path_factory.mktemp("samples") / "drawn.bin"
    config = config_of("full-nano")
    inputs = draw_inputs(config, np.random.Generator(np.random.PCG64(7)), 24)
    path.write_bytes(sample_list(config, inputs, np.arange(24) % 10))
    return path


@pytest.mark.filterwarnings("ignore")
def test_every_operator_does_what_onnx_says(monkeypatch):
    """The cases of the ONNX project, by its own numpy code. What differs is named: its rounding is not copied."""
    for name, kind in (("float", float), ("bool", bool), ("object", object), ("int", int)):
        monkeypatch.setattr(np, name, kind, raising=False)  # its cases are older than numpy 1.24
    from onnx.backend.test.case.node import collect_testcases
    cases = collect_testcases(None)
    seen, left_out = {}, []
    for case in cases:
        graph = case.model.graph
        if len(graph.node) != 1 or graph.node[0].op_type not in OPERATORS:
            continue
        node = graph.node[0]
        if node.op_type == "Shape" and node.attribute or "FLOAT16" in case.name:  # opset 15; no rounding
            continue
        for given, expected in case.data_sets:
            values = {v.name: a for v, a in zip(graph.input, map(np.asarray, given))}
            inputs = [values[n].astype(float) if n and values[n].dtype.kind == "f" else values.get(n)
                      for n in node.input]
            try:
                got = OPERATORS[node.op_type](*inputs, **attributes(node))
            except Refused:
                left_out.append(case.name)
                continue
            assert np.shape(got) == np.shape(expected[0]), case.name
            np.testing.assert_allclose(np.asarray(got, float), np.asarray(expected[0], float), 1e-5, 1e-6, err_msg=case.name)
            seen[node.op_type] = seen.get(node.op_type, 0) + 1
    assert set(seen) == set(OPERATORS)
    assert all(any(word in name for word in ("select_last", "STRING", "exclusive", "reverse", "allowzero", "neg_steps"))
               for name in left_out), left_out


def test_the_example_of_an_own_encoder(listed, tmp_path):
    out, ranges = tmp_path / "own.hlm", tmp_path / "own.json"
    said = good(convert(EXAMPLE / "own.onnx", "--map", EXAMPLE / "names.json", "--calibrate", listed, "--keep-ranges",
                        ranges, "--bits", 8, "-o", out))
    assert "differ by" in said
    header = ModelFile(out.read_bytes()).header
    config = json.loads((EXAMPLE / "names.json").read_text())["config"]
    assert {k: header[k] for k in config if k not in ("architecture", "task")} == {
        k: v for k, v in config.items() if k not in ("architecture", "task")}
    again = tmp_path / "again.hlm"
    good(convert(EXAMPLE / "own.onnx", "--map", EXAMPLE / "names.json", "--ranges", ranges, "--bits", 8, "--name", "own",
                 "-o", again))
    assert again.read_bytes() == out.read_bytes()
    good(convert(EXAMPLE / "own.onnx", "--map", EXAMPLE / "names.json", "--ranges", ranges, "--bits", 4, "-o", again))
    assert len(again.read_bytes()) < len(out.read_bytes())
    assert ModelFile(again.read_bytes()).header["quant"] == "int4"
    refused(convert(EXAMPLE / "own.onnx", "--ranges", ranges, "--bits", 8, "-o", again), "hilda.config", "--map")


def test_the_example_runs_on_the_host_firmware(build, tmp_path):
    """Converted, built in, and it says what the float network says."""
    listed, out = MODELS / "samples-fashion.bin", tmp_path / "own.hlm"
    good(convert(EXAMPLE / "own.onnx", "--map", EXAMPLE / "names.json", "--calibrate", listed, "--bits", 8, "-o", out))
    image = make_image(build, "host", "own", "int8", HLM=out, SAMPLES=listed)
    model = Model(EXAMPLE / "own.onnx", json.loads((EXAMPLE / "names.json").read_text()))
    inputs, labels = lists_of_samples.read(listed, model.config)
    wanted = model.graph_logits(inputs).argmax(1)
    got = evaluate.predictions(image, listed, labels)
    assert len(set(wanted)) > 1
    assert (got == wanted).mean() > 0.9


def test_numbers_of_the_evaluation_are_those_of_the_books():
    assert evaluate.wilson(8, 10) == pytest.approx([49.016, 94.331], abs=0.002)
    assert evaluate.wilson(0, 20) == pytest.approx([0, 16.113], abs=0.002)
    assert evaluate.mcnemar(1, 9) == pytest.approx(22 / 1024)  # both tails of Binomial(10, 1/2)
    assert evaluate.mcnemar(5, 5) == 1 == evaluate.mcnemar(0, 0)
    predicted, labels = np.array([1, 1, 1, 0, 0, 0]), np.array([1, 1, 0, 1, 0, 0])
    assert evaluate.f1(predicted, labels) == pytest.approx(2 / 3)
    changed = evaluate.against(np.array([1, 0, 0, 0, 0, 1]), predicted, labels)
    assert changed == {"drop": pytest.approx(16.667, abs=0.001), "lost": 2, "won": 1, "flips": 3, "mcnemar_p": 1.0}
    low, high = evaluate.f1_interval(np.tile(predicted, 50), np.tile(labels, 50))
    assert 0.55 < low < 2 / 3 < high < 0.78


def test_texts_near_a_quantile_of_the_lengths():
    inputs = np.zeros((100, 64), int)
    for i in range(100):
        inputs[i, :i // 2 + 1] = 7  # two of each length from 1 to 50
    near = evaluate.near_lengths(inputs)
    assert {p: (n, int(some.sum())) for p, (n, some) in near.items()} == {"p50": (25, 18), "p95": (48, 14), "p99": (50, 10)}
    assert np.flatnonzero(near["p99"][1]).tolist() == list(range(90, 100))
    assert evaluate.near_lengths(np.full((1, 64), 7))["p50"][0] == 64  # no padding


def test_a_damaged_line_is_no_prediction():
    class Child:
        def __init__(self, *lines):
            self.stdin, self.stdout = io.BytesIO(), io.BytesIO(b"\r\n".join(lines) + b"\r\n")

    def line(body):
        return b"$%s*%04X" % (body, evaluate.crc16(body))

    assert evaluate.crc16(b"123456789") == 0x29B1
    first, end = line(b"P,1,i=0,p=3,y=4,l=1:2"), line(b"E,2,lines=2,status=ok")
    assert evaluate.read_predictions(Child(line(b"R,0,run=1"), first, end), 1) == {0: (3, 4)}
    with pytest.raises(Refused, match="damaged"):
        evaluate.read_predictions(Child(first.replace(b"p=3", b"p=4"), end), 1)
    with pytest.raises(Refused, match="Model"):
        evaluate.read_predictions(Child(b"e-[Model is damaged]"), 1)


def test_a_program_that_never_ends_is_killed(tmp_path, listed):
    program = tmp_path / "own.elf"
    program.write_text("#!/bin/sh\nexec sleep 1000\n")
    program.chmod(0o755)
    with pytest.raises(Refused, match="own.elf had not answered after 0.2 s"):
        evaluate.predictions(program, listed, np.zeros(3), 0.2)


def test_erf_is_that_of_the_library():
    x = np.concatenate([np.linspace(-7, 7, 20011), [0.0, 1 / 512, -1 / 512, 5.999, 6.0]])
    assert np.abs(erf(x) - [math.erf(v) for v in x]).max() < 1e-14
    assert list(erf(np.array([-np.inf, np.inf]))) == [-1, 1] and np.isnan(erf(np.array([np.nan])))[0]


def committed():
    return sorted(MODELS.glob("*.onnx.xz"))


def test_committed_models_convert_to_the_committed_bytes(tmp_path):
    good(subprocess.run(["/usr/bin/python3", CONVERT / "models.py", "convert", "--out", tmp_path],
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600))
    assert committed()
    assert {p.name for p in tmp_path.glob("*.hlm")} == {p.name for p in MODELS.glob("*.hlm")}
    for path in sorted(tmp_path.glob("*.hlm")):
        assert path.read_bytes() == (MODELS / path.name).read_bytes(), path.name


class Changed:
    """full-nano with something else in it."""

    def __init__(self, folder):
        self.model = onnx.load_from_string(onnx_bytes(MODELS / "full-nano.onnx.xz"))
        self.path = folder / "full-nano.onnx"

    def initializer(self, name):
        return next(t for t in self.model.graph.initializer if t.name == name)

    def config(self, **changes):
        entry = next(p for p in self.model.metadata_props if p.key == "hilda.config")
        entry.value = json.dumps({**json.loads(entry.value), **changes})

    def convert(self, *more):
        onnx.save(self.model, str(self.path))
        return convert(self.path, "--ranges", MODELS / "full-nano.ranges.json", "--bits", 8, "-o",
                       self.path.with_suffix(".hlm"), *more)


@pytest.fixture
def changed(tmp_path):
    return Changed(tmp_path)


def test_unchanged_it_is_taken(changed):
    good(changed.convert())


def test_an_unknown_operator_is_refused_by_name(changed):
    node = next(n for n in changed.model.graph.node if n.op_type == "Erf")
    node.op_type, node.name = "Tanh", "squash-it"
    refused(changed.convert(), "Tanh of node squash-it", "not supported")
    assert not changed.path.with_suffix(".hlm").exists()


def test_another_opset_is_refused(changed):
    changed.model.opset_import[0].version = 12
    refused(changed.convert(), "opset 12", "opset_version=13")


def test_a_graph_that_computes_something_else_is_refused(changed):
    """One weight of the graph's own arithmetic, not of its named weights."""
    node = next(n for n in changed.model.graph.node if n.op_type == "Constant" and
                array(n.attribute[0].t).ndim == 0 and abs(array(n.attribute[0].t) - 0.5) < 1e-9)
    node.attribute[0].t.CopyFrom(numpy_helper.from_array(np.array(0.52, np.float32)))
    refused(changed.convert(), "does not compute what its configuration says", "differ by 0.")


def test_a_configuration_that_lies_is_refused(changed):
    changed.config(heads=2, head_width=16)
    refused(changed.convert(), "does not compute what its configuration says")


@pytest.mark.parametrize("change, words", [
    ({"architecture": "gpt"}, ["architecture 'gpt'", "linformer"]),
    ({"tokens": 50}, ["input of the graph is ['N', 49, 16]", "['N', 50, 16]"]),
    ({"hidden": 1, "width": 16}, ["embed.weight has the shape [32, 16]", "[16, 16]"]),
    ({"layers": 3}, ["not in the graph: layers.2.norm1.weight"]),
    ({"layers": -1}, ["layers is -1"]),
    ({"heads": 1.5}, ["heads is 1.5"]),
    ({"colour": 3}, ["does not know colour"]),
])
def test_wrong_configurations_are_named(changed, change, words):
    changed.config(**change)
    refused(changed.convert(), *words)


def test_numbers_that_are_none_are_refused(changed):
    weight = changed.initializer("layers.0.q.weight")
    values = numpy_helper.to_array(weight).copy()
    values[3, 4] = np.nan
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    refused(changed.convert(), "layers.0.q.weight", "not finite")


def test_shapes_that_do_not_join_name_the_node(changed):
    node = next(n for n in changed.model.graph.node if n.op_type == "MatMul")
    node.name = "first-product"
    node.input[0], node.input[1] = node.input[1], node.input[0]
    refused(changed.convert(), "MatMul of node first-product", "[16, 32]")


def test_a_bfloat16_constant_is_refused(changed):
    tensor = helper.make_tensor("norm.bias", TensorProto.BFLOAT16, [32], np.zeros(32), raw=False)
    changed.model.graph.initializer.remove(changed.initializer("norm.bias"))
    changed.model.graph.initializer.append(tensor)
    refused(changed.convert(), "norm.bias is of type BFLOAT16")


@pytest.mark.parametrize("damage, words", [
    (lambda b: b[:len(b) // 2], ["no valid ONNX model"]),
    (lambda b: b"", ["no valid ONNX model"]),
    (lambda b: b"not a model" * 20, ["no valid ONNX model"]),
])
def test_damaged_files_are_refused(tmp_path, damage, words):
    path = tmp_path / "full-nano.onnx"
    path.write_bytes(damage(onnx_bytes(MODELS / "full-nano.onnx.xz")))
    refused(convert(path, "--ranges", MODELS / "full-nano.ranges.json", "--bits", 8, "-o", tmp_path / "o"), *words)


@pytest.mark.parametrize("damage, words", [
    (lambda b: b[:-40], "ends early"),
    (lambda b: b[:200] + bytes([b[200] ^ 1]) + b[201:], "no whole xz file"),
    (lambda b: b"", "ends early"),
])
def test_damaged_packed_files_are_refused(tmp_path, damage, words):
    path = tmp_path / "full-nano.onnx.xz"
    path.write_bytes(damage((MODELS / "full-nano.onnx.xz").read_bytes()))
    refused(convert(path, "--ranges", MODELS / "full-nano.ranges.json", "--bits", 8, "-o", tmp_path / "o"), words)


def test_what_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(convert_module, "FILE_MOST", 1000)
    (tmp_path / "bomb.onnx.xz").write_bytes(lzma.compress(bytes(1_000_000)))
    with pytest.raises(Refused, match="more than"):
        onnx_bytes(tmp_path / "bomb.onnx.xz")


@pytest.mark.parametrize("damage, words", [
    (lambda r: r.pop("layers.1.up"), ["not of this model: layers.1.up"]),
    (lambda r: r.update(extra=1.0), ["not of this model: extra"]),
    (lambda r: r.update(x="1"), ["the range of x is '1'"]),
    (lambda r: r.update(x=float("inf")), ["the range of x is inf"]),
])
def test_wrong_ranges_are_refused(tmp_path, damage, words):
    ranges = json.loads((MODELS / "full-nano.ranges.json").read_text())
    damage(ranges)
    path = tmp_path / "r.json"
    path.write_text(json.dumps(ranges))
    refused(convert(MODELS / "full-nano.onnx.xz", "--ranges", path, "--bits", 8, "-o", tmp_path / "o"), *words)


def test_lists_of_samples_are_checked(listed, tmp_path):
    whole = listed.read_bytes()
    for data, words in ((whole[:-1], "24 samples are"), (b"HLDX" + whole[4:], "no HLDS header"),
                        (whole[:4] + b"\x09" + whole[5:], "version 9"),
                        (whole[:8] + b"\x40" + whole[9:], "samples of 64 x 16 bytes")):
        path = tmp_path / "s.bin"
        path.write_bytes(data)
        refused(convert(MODELS / "full-nano.onnx.xz", "--calibrate", path, "--bits", 8, "-o", tmp_path / "o"), words)


def test_a_map_is_checked(tmp_path):
    names = json.loads((EXAMPLE / "names.json").read_text())
    shutil.copy(EXAMPLE / "own.onnx", tmp_path)
    ranges = tmp_path / "r.json"
    ranges.write_text("{}")
    for key, entry, words in (("head.weight", "nowhere", "no constant nowhere"),
                              ("layers.0.q.weight", {"from": "blocks.0.self_attn.in_proj_weight", "rows": [0, 99]},
                               "has 48 rows, none of them 0 to 99"),
                              ("layers.0.q.weight", {"rows": [0, 16]}, "the map of layers.0.q.weight"),
                              ("layers.0.e", "places", "does not have: layers.0.e")):
        path = tmp_path / "names.json"
        path.write_text(json.dumps({**names, "weights": {**names["weights"], key: entry}}))
        refused(convert(tmp_path / "own.onnx", "--map", path, "--ranges", ranges, "--bits", 8, "-o", tmp_path / "o"), words)
