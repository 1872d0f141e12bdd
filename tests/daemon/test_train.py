"""Training's data and networks, without training: tokenizer, splits, padding, exported graphs, what is committed."""

import hashlib
import importlib
import json
import lzma
import math
import struct
import sys

import pytest
from conftest import ROOT

TRAIN, MODELS = ROOT / "firmware-stub/train", ROOT / "firmware-stub/models"
ARCHITECTURES = ["full-nano", "distilbert-nano", "tinybert-nano", "mobilebert-nano", "linformer-nano", "performer-nano",
                 "reformer-nano"]


@pytest.fixture(scope="module", autouse=True)
def path():
    sys.path.insert(0, str(TRAIN))
    yield
    sys.path.remove(str(TRAIN))


def module(name, *needs):
    """One of training's modules; where a package that it needs is missing, the test is skipped by that name."""
    for package in ("numpy", *needs):
        pytest.importorskip(package)
    return importlib.import_module(name)


def network(name, task="tokens", seed=1):
    """An untrained network whose every parameter matters."""
    net, torch = module("net", "torch"), pytest.importorskip("torch")
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    model = net.Encoder(net.config_of(name, task)).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.1)
    return model, torch


def test_words_are_classes_and_runs_count_once():
    words = module("words")
    assert words.words("Re: FREE $$$ 100.00!!! see http://a.b/c?d=e or me@x.org <A HREF='y'>isn't</A>") == [
        "re", ":", "free", "$", "<number>", "!", "see", "<link>", "or", "<address>", "<tag>", "isn't", "<tag>"]
    assert words.words("") == [] and words.words("a a") == ["a", "a"]


def test_unknown_words_collapse_and_padding_comes_last():
    words = module("words")
    vocabulary = words.Vocabulary(["<padding>", "<unknown>", "free", "!"])
    ids = vocabulary.encode(["x", "y", "free", "z", "!"])
    assert ids.tolist() == [1, 2, 1, 3] + [0] * 60
    assert vocabulary.encode(["free"] * 100).tolist() == [2] * 64
    import numpy as np
    rows = np.stack([ids, vocabulary.encode([]), vocabulary.encode(["free"] * 64)])
    assert words.lengths(rows).tolist() == [4, 1, 64]


def test_the_committed_vocabulary_is_the_tokenizers(tmp_path):
    words = module("words")
    vocabulary = words.Vocabulary.read(TRAIN / "vocabulary.json")
    assert len(vocabulary.tokens) == 512 == len(set(vocabulary.tokens))
    stored = json.loads((TRAIN / "vocabulary.json").read_text())
    stored["tokens"][7] = "else"
    (tmp_path / "v.json").write_text(json.dumps(stored))
    with pytest.raises(ValueError, match="changed"):
        words.Vocabulary.read(tmp_path / "v.json")


def test_half_the_vocabulary_is_what_tells_the_classes_apart(monkeypatch):
    words = module("words")
    monkeypatch.setattr(words, "SIZE", 8)  # two that are fixed, three frequent ones, three that tell
    texts = [["the", "a", "of", "and", *(["prize"] if y else ["meeting"] if i % 4 else []), *(["once"] if i == 1 else [])]
             for i, y in enumerate([0, 1] * 20)]
    labels = [0, 1] * 20
    assert words.Vocabulary.of(texts, labels).tokens == ["<padding>", "<unknown>", "a", "and", "of", "prize", "meeting",
                                                         "the"]
    told = words.chi_squared(texts, labels)
    assert told["prize"] == 40 and told["the"] == 0 and "once" not in told  # n of n; in four texts or less it is chance


def test_a_mail_is_its_fields_and_its_opening():
    mail = module("mail")
    text = ("From a@b Thu\nReceived: from secret by route\nSubject: Win\n\tbig money\nFrom: Bob <bob@shop.example>\n"
            "Content-Type: text/html; boundary=zz\nDate: Thu\n\n" + "hello you\n\n" * 20)
    out = mail.mail_words(text)
    assert out[:4] == ["subject:", "win", "big", "money"]
    assert "shop" in out and "secret" not in out and "boundary" not in out and "thu" not in out
    assert out[out.index("body:") + 1:] == ["hello", "you"] * 6


def test_sst2_is_read_from_the_users_files(tmp_path):
    sst2 = module("sst2")
    (tmp_path / "train.tsv").write_text("sentence\tlabel\n" + "a fine film\t1\n" * 39 + "dull\t0\n")
    (tmp_path / "dev.tsv").write_text("sentence\tlabel\nfine , dull\t0\n")
    splits = sst2.sentences(tmp_path)
    assert {name: y.tolist() for name, (_, y) in splits.items()} == {"train": [1] * 38, "dev": [1, 0], "test": [0]}
    assert splits["test"][0][0, :4].tolist() == [4, 1, 0, 0]  # `dull` stands in dev only, as the comma in test
    (tmp_path / "dev.tsv").write_text("index\tsentence\n0\tfine\n")
    with pytest.raises(ValueError, match="dev.tsv"):
        sst2.sentences(tmp_path)


def test_splits_depend_on_a_mails_beginning_only():
    mail = module("mail")
    texts = [[f"word{i}", "body:"] for i in range(4000)]
    counts = {name: sum(mail.split_of(t) == name for t in texts) for name in ("train", "dev", "test")}
    assert abs(counts["train"] - 2800) < 150 and abs(counts["dev"] - 400) < 100 and sum(counts.values()) == 4000
    long = ["w"] * 64
    assert len({mail.split_of(long + [f"tail{i}"]) for i in range(50)}) == 1


def test_patches_go_row_by_row_and_shift_by_128():
    data, np = module("data"), pytest.importorskip("numpy")
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 4:8, 8:12] = np.arange(16).reshape(4, 4) + 200  # second row of patches, third of its row
    out = data.patches(image)
    assert out.shape == (1, 49, 16) and out.dtype == np.int8
    assert out[0, 9].tolist() == [200 + i - 128 for i in range(16)]
    assert (np.delete(out[0], 9, axis=0) == -128).all()
    assert data.real(out)[0, 0, 0] == -1.0


def test_sample_lists_have_the_form_that_devices_read():
    samples, np = module("samples"), pytest.importorskip("numpy")
    blob = samples.pack(np.array([[1, 258, 0]]), np.array([1]))
    assert blob == b"HLDS" + struct.pack("<4H", 1, 1, 3, 2) + b"\1\0\0\0" + bytes([1, 0, 2, 1, 0, 0])
    for name, tokens, width in (("fashion", 49, 16), ("spam", 64, 2)):
        blob = (MODELS / f"samples-{name}.bin").read_bytes()
        assert blob[:12] == b"HLDS" + struct.pack("<4H", 1, 100, tokens, width)
        assert len(blob) == 112 + 100 * tokens * width
    assert samples.drawn(5, 100, "a").tolist() == samples.drawn(5, 100, "a").tolist()
    assert samples.drawn(5, 100, "a").tolist() != samples.drawn(5, 100, "b").tolist()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_padding_changes_nothing_at_any_length(name):
    model, torch = network(name)
    ids = torch.randint(1, 512, (64, 64))
    for n in range(1, 65):
        ids[n - 1, n:] = 0
    junk = ids.clone()
    for n in range(1, 63):
        junk[n - 1, n + 1:] = 7  # behind the first padding nothing is read
    with torch.no_grad():
        padded, again = model(ids), model(junk)
        assert torch.allclose(padded, again, atol=1e-5)
        for n in range(1, 65):
            short = model(ids[n - 1:n, :n])
            assert torch.allclose(padded[n - 1], short[0], atol=2e-5), n
        # The last real token does count.
        other = ids.clone()
        for n in range(2, 65):
            other[n - 1, n - 1] = other[n - 1, n - 1] % 511 + 1
        assert ((model(other) - padded).abs().amax(1)[1:] > 1e-4).all()


def rounds_of(scores, seen, values):
    """LSH attention as it is told: a softmax a round with the score less log(rounds that see the pair), then the
    rounds weighed by their log-sum-exp."""
    out, weights = [], []
    for r in range(len(seen)):
        s = {j: scores[j] - math.log(sum(j in other for other in seen)) for j in seen[r]}
        total = sum(math.exp(v) for v in s.values())
        out.append(sum(math.exp(v) / total * values[j] for j, v in s.items()))
        weights.append(total)
    return sum(o * w for o, w in zip(out, weights)) / sum(weights)


@pytest.mark.parametrize("real", [1, 2, 8, 9, 37, 64])
def test_reformers_union_is_rounds_combined_by_log_sum_exp(real):
    model, torch = network("reformer-nano")
    layer, c = model.layers[0], model.config
    x = torch.randn(1, 64, c["width"])
    mask = torch.arange(64)[None] < real
    with torch.no_grad():
        got = layer.reformer(x, mask)[0]
        qk, v = layer.split(layer.qk(x))[0], layer.split(layer.v(x))[0]
    for head in range(c["heads"]):
        key = qk[head] / qk[head].norm(dim=1, keepdim=True)
        scores = (qk[head] @ key.t() / math.sqrt(c["head_width"])).tolist()
        chunk_of = []
        for r in range(c["rounds"]):
            turned = qk[head] @ layer.rotations[r]
            bucket = torch.cat([turned, -turned], 1).argmax(1).tolist()
            order = sorted(range(64), key=lambda i: (bucket[i] if i < real else c["buckets"], i))
            chunk_of.append({i: at // c["chunk"] for at, i in enumerate(order)})
        for i in range(real):
            seen = []
            for chunk in chunk_of:
                near = {chunk[i], (chunk[i] - 1) % (64 // c["chunk"])}
                seen.append({j for j in range(real) if chunk[j] in near and j != i} or {i})
            want = rounds_of(scores[i], seen, v[head])
            assert torch.allclose(got[head, i], want, atol=1e-5), (head, i)


def test_int4_rows_are_fifteen_steps_and_stay_so():
    model, torch = network("linformer-nano")
    storage = module("storage", "torch")
    storage.round_state(model, int4=True)
    state = {k: v.clone() for k, v in model.state_dict().items()}
    int4 = {k for k in state if storage.is_int4(k)}
    assert len(int4) == 2 * 8 and "layers.1.e" in int4 and "embed.table" not in int4 and "head.weight" not in int4
    for name in int4:
        steps = state[name] / (state[name].abs().amax(1, keepdim=True) / 7)
        assert (steps - steps.round()).abs().max() < 1e-4 and steps.round().abs().max() == 7
    storage.round_state(model, int4=True)
    assert all(torch.allclose(v, state[k], rtol=1e-6) for k, v in model.state_dict().items())
    ids = torch.randint(1, 512, (4, 64))
    with torch.no_grad():
        plain = model(ids)
        model.set_int4(True)
        assert torch.allclose(plain, model(ids), atol=1e-4)  # what training saw is what is stored


def test_stored_numbers_have_seven_significant_bits():
    storage, torch = module("storage", "torch"), pytest.importorskip("torch")
    values = torch.randn(4000) * torch.logspace(-3, 2, 4000)
    short = storage.shortened(values)
    mantissa, _ = torch.frexp(short)
    assert torch.equal(mantissa * 128, (mantissa * 128).round()) and not torch.equal(short, values)
    assert ((short - values).abs() <= values.abs() / 128).all()
    assert torch.equal(storage.shortened(short), short) and torch.equal(short.half().float(), short)


def test_graphs_are_packed_and_the_seeds_tabled(tmp_path, capsys):
    publish = module("publish")
    assert lzma.decompress(publish.packed(b"ab" * 5000)) == b"ab" * 5000
    quant = {"accuracy": {"seeds": {"1": 87.5, "2": 88.0}, "mean": 87.75, "deviation": 0.3536}}
    texts = {"accuracy": {"seeds": {"1": 96.0}, "mean": 96.0}, "f1": {"seeds": {"1": 0.94}, "mean": 0.94}}
    (tmp_path / "provenance.json").write_text(json.dumps({"models": {"b-spam": {"float": texts}, "a": {"float": quant}}}))
    publish.table(tmp_path)
    assert capsys.readouterr().out.splitlines()[2:] == ["| a | 87.50 | 87.75 ± 0.35 (2) | - | - |",
                                                         "| b-spam | 0.940 | one seed | - | - |"]


def test_a_pruned_head_is_a_head_that_says_nothing():
    model, torch = network("full-nano", "patches")
    prune = module("prune", "torch")
    x = torch.randn(3, 49, 16)
    with torch.no_grad():
        model.layers[1].project.weight[:, 8:16] = 0
        model.layers[0].down.weight[:, 5] = 0
        want = model(x)
        prune.keep_heads(model.layers[1], [0, 2, 3])
        prune.keep_units(model.layers[0], torch.tensor([i for i in range(64) if i != 5]))
        assert torch.allclose(model(x), want, atol=1e-5)
    assert model.layers[1].q.weight.shape == (24, 32) and model.layers[0].up.weight.shape == (63, 32)


def test_the_least_important_heads_go():
    model, torch = network("full-nano", "patches")
    prune = module("prune", "torch")
    with torch.no_grad():
        model.layers[0].project.weight[:, :8] = 0
        model.layers[1].project.weight[:, 24:] = 0
    v0 = model.layers[0].v.weight[8:].clone()
    prune.apply(model, "full-nano-heads2", torch.randn(64, 49, 16), torch.randint(0, 10, (64,)))
    assert [layer.heads for layer in model.layers] == [3, 3]
    assert torch.equal(model.layers[0].v.weight, v0)


@pytest.mark.parametrize("int4", [False, True])
@pytest.mark.parametrize("name,task", [("full-nano", "patches"), ("reformer-nano", "tokens")])
def test_exported_names_and_configuration(name, task, int4):
    pytest.importorskip("onnx")
    model, torch = network(name, task)
    export, storage = module("export", "torch", "onnx"), module("storage", "torch")
    import onnx
    storage.round_state(model, int4)
    graph = onnx.load_from_string(export.to_onnx(model, int4))
    assert [o.version for o in graph.opset_import] == [13]
    assert json.loads({p.key: p.value for p in graph.metadata_props}["hilda.config"]) == model.config
    stored = {i.name: onnx.numpy_helper.to_array(i) for i in graph.graph.initializer}
    for key, value in model.state_dict().items():
        most = 127 if key == "embed.table" else 7 if int4 and storage.is_int4(key) else None
        if most:
            assert stored[key].dtype == "int8" and abs(stored[key]).max() == most
            back = stored[key] * stored[key + "/scale"][:, None]
        else:
            back = stored[key].astype("float32")
        assert torch.allclose(torch.from_numpy(back), value, rtol=1e-6), key


def test_retrained_is_compared_with_committed(tmp_path, capsys):
    publish = module("publish")
    committed = {"models": {"a-nano": {"float": {"accuracy": {"seeds": {"1": 87.5}}}}}}
    (tmp_path / "provenance.json").write_text(json.dumps(committed))
    out = tmp_path / "out"
    for name in ("a-nano", "b-nano"):
        (out / name).mkdir(parents=True)
        for seed, reached in ((1, 87.0), (2, 88.0)):
            run = {"dev": {"accuracy": 80.0}, "test": {"accuracy": reached}}
            (out / name / f"seed{seed}.json").write_text(json.dumps({"float": run, "parameters": 7}))
    publish.compare(out, tmp_path)
    said = capsys.readouterr().out.splitlines()
    assert said == ["a-nano float seed 1: test 87.00, committed 87.50, difference -0.50",
                    "a-nano float seed 2: test 88.00, not committed", "b-nano float: nothing committed"]
    entry = publish.entry(out / "a-nano")["float"]["accuracy"]
    assert entry == {"seeds": {"1": 87.0, "2": 88.0}, "mean": 87.5, "deviation": 0.7071}


def test_what_is_committed_is_what_provenance_says():
    provenance = json.loads((MODELS / "provenance.json").read_text())
    onnx = {p.name.removesuffix(".onnx.xz") for p in MODELS.glob("*.onnx.xz")}
    named = set()
    for name, entry in provenance["models"].items():
        for quant, end in (("float", ""), ("int4", "-int4")):
            if quant not in entry:
                continue
            named.add(name + end)
            blob = lzma.decompress((MODELS / f"{name}{end}.onnx.xz").read_bytes())
            assert hashlib.sha256(blob).hexdigest() == entry[quant]["onnx_sha256"], name + end
            assert str(provenance["committed_seed"]) in entry[quant]["accuracy"]["seeds"]
        assert (MODELS / "logs" / f"{name}.log").stat().st_size > 0
    assert onnx == named
    for task, name in (("patches", "fashion"), ("tokens", "spam")):
        blob = (MODELS / f"samples-{name}.bin").read_bytes()
        assert hashlib.sha256(blob).hexdigest() == provenance["tasks"][task]["samples_sha256"]
    assert provenance["tasks"]["tokens"]["tokenizer"]["vocabulary_sha256"] == hashlib.sha256(
        (TRAIN / "vocabulary.json").read_bytes()).hexdigest()
    assert sum(provenance["tasks"]["tokens"]["test_lengths"]["histogram"]) == \
        provenance["tasks"]["tokens"]["splits"]["test"]["mails"]


def test_the_models_are_small():
    """All together: graphs, model files, samples, logs."""
    sizes = {p.name: p.stat().st_size for p in MODELS.rglob("*") if p.is_file()}
    assert len(sizes) > 60 and sum(sizes.values()) < 2_000_000, sorted(sizes.items(), key=lambda s: -s[1])[:10]
