"""hilda ppk2: golden streams and captures made here become rows, windows and Nordic's file; errors say what is wrong."""

import json
import math
import signal
import socket
import struct
import subprocess
import zipfile
import zlib

import pytest

from conftest import ROOT, program, wait_for
from fake_ppk2 import FakePpk2

VECTORS = ROOT / "protocols/vectors/ppk2"
NAMES = sorted(p.stem for p in VECTORS.glob("*.bin"))
WINDOW_KEYS = ["start", "end", "samples", "charge_C", "energy_J", "complete"]


def convert(*args, **more):
    return subprocess.run([program("hilda"), "ppk2", "convert", *map(str, args)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, **more)


def raw(name):
    return ["--raw", VECTORS / f"{name}.bin", "--metadata", VECTORS / f"{name}.txt", "--voltage-mv", 3300]


def good(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def zstd_frame(data):
    """Stored, not packed: what the format calls raw blocks."""
    out = struct.pack("<IBI", 0xFD2FB528, 0xA0, len(data))
    pieces = [data[i:i + 65536] for i in range(0, len(data), 65536)]
    for i, piece in enumerate(pieces):
        out += struct.pack("<I", len(piece) << 3 | (i == len(pieces) - 1))[:3] + piece
    return out


def record(kind, data):
    return struct.pack("<IIII", kind, len(data), zlib.crc32(data), 0) + data


def block(rows):
    """rows: (index, word, invalid, lost before) as docs/wire.md has them."""
    first, words = rows[0][0], [row[1] for row in rows]
    gaps = [(i, row[3]) for i, row in enumerate(rows) if row[3]]
    invalid = [(i, 1) for i, row in enumerate(rows) if row[2]]
    planes = [bytes(w & 255 for w in words), bytes(w >> 8 & 63 for w in words), bytes(w >> 14 & 15 for w in words),
              bytes(w >> 24 for w in words)]
    start = words[0] >> 18 & 63
    odd = [(i, w >> 18 & 63) for i, w in enumerate(words) if w >> 18 & 63 != (start + rows[i][0] - first) % 64]
    def pairs(some):
        return b"".join(struct.pack("<II", *pair) for pair in some)
    packed = zstd_frame(b"".join(planes) + pairs(odd))
    return record(2, struct.pack("<QIIIIB7x", first, len(rows), len(gaps), len(invalid), len(packed), start)
                  + pairs(gaps) + pairs(invalid) + packed)


def rows_of(name):
    """Of a stream without a slipped byte: each word is a row."""
    words = [w for w, in struct.iter_unpack("<I", (VECTORS / f"{name}.bin").read_bytes())]
    end, out = 0, []
    for word, line in zip(words, (VECTORS / f"{name}.csv").read_text().splitlines()[1:], strict=True):
        index, _, _, flags = line.split(",")
        out.append((int(index), word, "invalid" in flags, int(index) - end))
        end = int(index) + 1
    return out


def capture_of(name, pieces=1):
    rows = rows_of(name)
    header = {"format": 1, "serial": "C0FFEE", "mode": "source", "voltage_mV": 3300, "virtual": False,
              "started_at": "2026-01-02T03:04:05.678Z", "rate_hz": 100000, "metadata": (VECTORS / f"{name}.txt").read_text()}
    out = [record(1, json.dumps(header).encode())]
    step = -(-len(rows) // pieces)
    for i in range(0, len(rows), step):
        out.append(block(rows[i:i + step]))
    out.append(record(3, struct.pack("<QQQq", len(rows), sum(r[3] for r in rows), sum(r[2] for r in rows), 4000000)))
    return out


@pytest.mark.parametrize("name", [n for n in NAMES if n != "short"])
def test_a_golden_stream_becomes_its_rows_and_windows(name, tmp_path):
    found = json.loads(good(convert(*raw(name), "--csv", tmp_path / "o.csv", "--windows")))
    assert (tmp_path / "o.csv").read_bytes() == (VECTORS / f"{name}.csv").read_bytes()
    wanted = json.loads((VECTORS / f"{name}.json").read_text())["windows"]
    assert [list(w) for w in found] == [WINDOW_KEYS] * len(wanted)
    for got, want in zip(found, wanted):
        assert {k: got[k] for k in ("start", "end", "samples", "complete")} == \
            {k: want[k] for k in ("start", "end", "samples", "complete")}
        assert math.isclose(got["charge_C"], want["charge_C"], rel_tol=1e-14)
        assert math.isclose(got["energy_J"], want["energy_J"], rel_tol=1e-14)
    assert good(convert(*raw(name), "--filter", "--csv", "-")) == (VECTORS / f"{name}.filtered.csv").read_text()


@pytest.mark.parametrize("name", ["clean", "gap", "torn"])
def test_nordics_app_finds_its_three_files(name, tmp_path):
    good(convert(*raw(name), "--ppk2", tmp_path / "o.ppk2"))
    with zipfile.ZipFile(tmp_path / "o.ppk2") as z:
        assert z.testzip() is None
        assert sorted(z.namelist()) == ["metadata.json", "minimap.raw", "session.raw"]
        assert all(i.compress_type == zipfile.ZIP_DEFLATED for i in z.infolist())
        session, minimap, about = z.read("session.raw"), json.loads(z.read("minimap.raw")), json.loads(z.read("metadata.json"))
    assert about["formatVersion"] == 2 and about["metadata"]["samplesPerSecond"] == 100000
    assert about["metadata"]["startSystemTime"] > 0
    lines = (VECTORS / f"{name}.csv").read_text().splitlines()[1:]
    rows = {int(i): (float(a), int(d), f) for i, a, d, f in (line.split(",") for line in lines)}
    assert len(session) == 6 * (max(rows) + 1)
    for i in range(max(rows) + 1):
        uA, bits = struct.unpack_from("<f", session, 6 * i)[0], struct.unpack_from(">H", session, 6 * i + 4)[0]
        if i not in rows or "invalid" in rows[i][2]:
            assert math.isnan(uA) and bits == 0
            continue
        assert uA == struct.unpack("<f", struct.pack("<f", rows[i][0]))[0]
        assert bits == sum((2 if rows[i][1] >> d & 1 else 1) << 2 * d for d in range(8))
    valid = [a for a, _, f in rows.values() if "invalid" not in f]
    assert minimap["data"]["length"] == len(valid) and minimap["maxNumberOfElements"] == 10000
    assert math.isclose(max(p["y"] for p in minimap["data"]["max"]), max(valid) * 1000, rel_tol=1e-8)


@pytest.mark.parametrize("name", ["clean", "damaged", "gap"])
def test_a_capture_that_python_wrote_has_the_same_rows(name, tmp_path):
    path = tmp_path / "run.capture"
    for pieces in (1, 7):
        path.write_bytes(b"".join(capture_of(name, pieces)))
        done = convert("--capture", path, "--csv", tmp_path / "o.csv", "--windows", "--ppk2", tmp_path / "o.ppk2")
        windows = json.loads(good(done))
        assert "no end" not in done.stderr
        assert (tmp_path / "o.csv").read_text() == (VECTORS / f"{name}.csv").read_text()
        wanted = json.loads((VECTORS / f"{name}.json").read_text())["windows"]
        assert [w["start"] for w in windows] == [w["start"] for w in wanted]
        about = json.loads(zipfile.ZipFile(tmp_path / "o.ppk2").read("metadata.json"))
        assert about["metadata"]["startSystemTime"] == 1767323045678


def test_a_cut_or_damaged_capture_gives_what_stands_before(tmp_path):
    records, path = capture_of("clean", 4), tmp_path / "run.capture"
    lines = (VECTORS / "clean.csv").read_text().splitlines(True)
    path.write_bytes(b"".join(records)[:-60])
    done = convert("--capture", path, "--csv", tmp_path / "o.csv")
    good(done)
    assert "no end" in done.stderr
    assert (tmp_path / "o.csv").read_text() == "".join(lines[:301])
    bad = bytearray(b"".join(records))
    bad[len(b"".join(records[:3])) + 60] ^= 4
    path.write_bytes(bad)
    done = convert("--capture", path, "--csv", tmp_path / "o.csv")
    assert done.returncode == 10 and "checksum" in done.stderr
    assert f"at byte {len(b''.join(records[:3]))}" in done.stderr
    assert (tmp_path / "o.csv").read_text() == "".join(lines[:201])
    # Half a file for Nordic's app would look whole.
    done = convert("--capture", path, "--ppk2", tmp_path / "o.ppk2")
    assert done.returncode == 10 and not (tmp_path / "o.ppk2").exists()


@pytest.mark.parametrize("args,code,words", [
    ([], 2, "--raw or --capture"),
    (["--raw", "a", "--capture", "b"], 2, "--raw or --capture"),
    (["--raw", "a"], 2, "--metadata"),
    (["--capture", "a", "--voltage-mv", 3300, "--csv", "-"], 2, "its own"),
    (raw("clean"), 2, "--csv, --windows or --ppk2"),
    ([*raw("clean")[:-1], 799, "--windows"], 2, "from 800 to 5000"),
    ([*raw("clean")[:-1], 5001, "--windows"], 2, "from 800 to 5000"),
    ([*raw("clean")[:-1], "3.3", "--windows"], 2, "from 800 to 5000"),
    ([*raw("clean"), "--windows", "--csv", "-"], 2, "standard output"),
    ([*raw("clean"), "--window"], 2, "did you mean --windows"),
    (raw("absent") + ["--windows"], 10, "absent.bin: No such file"),
    (["--raw", VECTORS, *raw("clean")[2:], "--windows"], 10, "is a folder"),
    (["--raw", VECTORS / "clean.bin", "--metadata", VECTORS / "short.bin", *raw("clean")[4:], "--windows"], 10, "short.bin"),
    (["--capture", VECTORS / "clean.bin", "--windows"], 10, "at byte 0"),
    (["--capture", "/dev/null", "--windows"], 10, "no capture"),
    ([*raw("clean"), "--csv", "/no/such/folder/x"], 10, "cannot write /no/such/folder/x"),
    ([*raw("clean"), "--csv", "/dev/full"], 10, "cannot write /dev/full"),
    ([*raw("clean"), "--ppk2", "/no/such/folder/x"], 10, "cannot write /no/such/folder/x"),
])
def test_mistakes_are_named(args, code, words):
    done = convert(*args)
    assert done.returncode == code, done.stderr
    assert words in done.stderr.splitlines()[-1] and done.stderr.splitlines()[-1].startswith("hilda: ")


def test_metadata_without_its_end_is_named(tmp_path):
    (tmp_path / "m.txt").write_text("R0: 1000\nR1: 100\n")
    done = convert("--raw", VECTORS / "clean.bin", "--metadata", tmp_path / "m.txt", "--voltage-mv", 3300, "--windows")
    assert done.returncode == 10 and "m.txt" in done.stderr and "END" in done.stderr
    (tmp_path / "m.txt").write_text("R0: 1000\nR1: lots\nEND\n")
    done = convert("--raw", VECTORS / "clean.bin", "--metadata", tmp_path / "m.txt", "--voltage-mv", 3300, "--windows")
    assert done.returncode == 10 and "'R1: lots'" in done.stderr


def test_a_stream_that_never_locks_leaves_nothing(tmp_path):
    done = convert(*raw("short"), "--csv", tmp_path / "o.csv", "--ppk2", tmp_path / "o.ppk2", "--windows")
    assert done.returncode == 10 and "9 counters in sequence" in done.stderr
    assert done.stdout == "" and list(tmp_path.iterdir()) == []


def test_a_stream_may_come_through_a_pipe():
    data = (VECTORS / "slipped.bin").read_bytes()
    done = subprocess.run([program("hilda"), "ppk2", "convert", "--raw", "/dev/stdin", *map(str, raw("slipped")[2:]), "--csv", "-"],
                          input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 0 and done.stdout == (VECTORS / "slipped.csv").read_bytes()
    assert b"9 bytes skipped" in done.stderr


def test_nordics_file_is_not_made_of_a_pipe(tmp_path):
    """Its length has to be known first, so the stream is read twice; what was begun does not stay."""
    done = subprocess.run([program("hilda"), "ppk2", "convert", "--raw", "/dev/stdin", *map(str, raw("clean")[2:]),
                           "--ppk2", tmp_path / "o.ppk2"], input=(VECTORS / "clean.bin").read_bytes(),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 10 and b"is a pipe" in done.stderr and not (tmp_path / "o.ppk2").exists()


def test_what_could_not_be_opened_is_left_alone(tmp_path):
    path = tmp_path / "o.ppk2"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
        done = convert(*raw("clean"), "--ppk2", path)
        assert done.returncode == 10 and "cannot write" in done.stderr and path.is_socket()


def test_help_and_completion_know_it():
    def hilda(*args):
        return good(subprocess.run([program("hilda"), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   timeout=60))
    assert "Examples:" in hilda("ppk2", "convert", "--help") and "ppk2 convert" in hilda("help")
    assert "convert" in hilda("complete", "ppk2").split()
    assert "--voltage-mv" in hilda("complete", "ppk2", "convert").split()


def ppk2(*args, **more):
    return subprocess.run([program("hilda"), "ppk2", *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=60, **more)


def text_of(name):
    return (VECTORS / f"{name}.txt").read_text()


def test_record_keeps_each_word(tmp_path):
    path = tmp_path / "o.capture"
    with FakePpk2(text_of("nan-metadata")) as unit:
        done = ppk2("record", "--port", unit.path, "--source", "--voltage-mv", 3300, "--seconds", 0.5, "--out", path,
                    "--csv", tmp_path / "live.csv", "--json")
        said = json.loads(good(done))
        wait_for(lambda: unit.told[-1] == "0c00" and unit.running == 0, message="the power stays on")
        assert unit.mV == 3300 and unit.mode == 2
        assert "0c01" in unit.told and unit.told.index("0c01") < unit.told.index("06")
        words = [unit.word(i) for i in range(50000)]
    assert said["samples"] == 50000 and said["lost"] == said["invalid"] == 0
    windows = json.loads(good(convert("--capture", path, "--csv", tmp_path / "o.csv", "--windows")))
    assert (tmp_path / "o.csv").read_bytes() == (tmp_path / "live.csv").read_bytes()
    rows = [line.split(",") for line in (tmp_path / "o.csv").read_text().splitlines()[1:]]
    assert [int(r[0]) for r in rows] == list(range(50000))
    assert [int(r[2]) for r in rows] == [w >> 24 for w in words]
    assert math.isclose(sum(float(r[1]) for r in rows) * 1e-5, said["charge_uC"], rel_tol=1e-12)
    assert math.isclose(said["energy_uJ"], said["charge_uC"] * 3.3, rel_tol=1e-12)
    # The last one has no end.
    assert [(w["start"], w["samples"], w["complete"]) for w in windows] == \
        [(1000 * i + 900, 100, i < 49) for i in range(50)]
    assert path.stat().st_size < 0.25 * 200000


def test_record_tells_losses_and_what_stands_is_kept_when_the_unit_goes(tmp_path):
    path = tmp_path / "o.capture"
    with FakePpk2(text_of("clean"), lose_every=1000) as unit:
        done = ppk2("record", "-p", unit.path, "--ampere", "--voltage-mv", 3000, "--seconds", 0.1, "-o", path)
        assert "10 lost, 19 invalid" in good(done)
        assert unit.mode == 1
    with FakePpk2(text_of("clean"), unplug_after=20000) as unit:
        done = ppk2("record", "-p", unit.path, "--source", "--voltage-mv", 3000, "--seconds", 5, "-o", path)
        assert done.returncode == 5 and "PPK2" in done.stderr
    done = convert("--capture", path, "--csv", "-")
    assert len(good(done).splitlines()) > 10000 and "no end" not in done.stderr


def test_record_ends_with_an_interrupt(tmp_path):
    with FakePpk2(text_of("clean")) as unit:
        process = subprocess.Popen([program("hilda"), "ppk2", "record", "-p", unit.path, "--source", "--voltage-mv", "3000",
                                    "-o", tmp_path / "o.capture"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: (tmp_path / "o.capture").exists() and (tmp_path / "o.capture").stat().st_size > 20000, 60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "mean" in out
    assert "no end" not in convert("--capture", tmp_path / "o.capture", "--windows").stderr


def test_info_shows_the_calibration_and_changes_nothing():
    with FakePpk2(text_of("nan-metadata")) as unit:
        shown = good(ppk2("info", "--port", unit.path))
        asked = json.loads(good(ppk2("info", "--port", unit.path, "--json")))
        text = good(ppk2("info", "--port", unit.path, "--text"))
        assert set(unit.told) == {"07", "19"}
        assert text.encode() == unit.answer()
    assert asked["defaulted"] == json.loads((VECTORS / "nan-metadata.json").read_text())["defaulted"]
    assert asked["coefficients"]["R"][1] == 101.65 and asked["voltage_mV"] == 3000 and asked["metadata"] == text
    assert "101.65*" in shown and asked["calibration_sha256"] in shown and "source" in shown


def test_info_lists_units():
    assert json.loads(good(ppk2("info", "--json"))) == [] or "serial" in good(ppk2("info", "--json"))


@pytest.mark.parametrize("args,code,words", [
    (["record"], 2, "--port is missing"),
    (["record", "-p", "x", "--voltage-mv", 3300], 2, "--source"),
    (["record", "-p", "x", "--source", "--ampere", "--voltage-mv", 3300], 2, "--source"),
    (["record", "-p", "x", "--source"], 2, "--voltage-mv is missing"),
    (["record", "-p", "x", "--source", "--voltage-mv", 5500], 2, "from 800 to 5000"),
    (["record", "-p", "x", "--source", "--voltage-mv", 3300, "--seconds", "no"], 2, "--seconds no"),
    (["record", "-p", "x", "--source", "--voltage-mv", 3300, "--csv", "-", "--json"], 2, "standard output"),
    (["record", "-p", "/dev/no-such-tty", "--source", "--voltage-mv", 3300], 5, "no-such-tty"),
    (["info", "-p", "no-such-serial"], 5, "no-such-serial"),
])
def test_mistakes_with_a_unit_are_named(args, code, words):
    done = ppk2(*args)
    assert done.returncode == code and words in done.stderr, done.stderr


def test_a_silent_unit_is_told():
    with FakePpk2("", silent=True) as unit:
        done = ppk2("info", "-p", unit.path)
    assert done.returncode == 5 and "does not answer" in done.stderr
