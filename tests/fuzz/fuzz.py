#!/usr/bin/python3
"""Runs each fuzz target for the seconds given, from a seed corpus made of what the project has, and
ends with `N passed, N failed, N skipped` (a target that found nothing has passed). What a target
found is kept in build/fuzz/found and its bytes are printed."""

import concurrent.futures
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HILDA_BUILD", ROOT / "build")).resolve()
FUZZ = BUILD / "fuzz"
INPUT_SECONDS = 25  # for one input: a loaded machine is no finding
MAX_BYTES = {"elf": 65536}


def seeds_job():
    documents = [json.loads(p.read_text()) for p in [*ROOT.glob("docs/examples/*.json"),
                                                     *ROOT.glob("tests/scenario/*.json")]]
    for path in ROOT.glob("protocols/vectors/job/*.json"):
        documents += [case["document"] for case in json.loads(path.read_text())]
    return [json.dumps(d).encode() for d in documents]


def seeds_uart_bench():
    return [p.read_bytes() for p in ROOT.glob("protocols/vectors/uart-bench/*") if p.is_file()]


def seeds_ini():
    """Sections as docs and packages show them."""
    shown = re.findall(r"```ini\n(.*?)```", "".join(p.read_text() for p in [*ROOT.glob("docs/*.md"), ROOT / "README.md"]),
                       re.DOTALL)
    return [b"[agent]\nname = a\n[board b]\nvirtual = mps3-an547\ntags = a, b ; c\n", b"[s]\na = 1\nb = 30s\nc = yes\n",
            b"[board n-1]\ntype = nucleo-f446re\nopenocd = interface/stlink.cfg, target/stm32f4x.cfg\n"
            b"probe-serial = 066AFF\nflash = program\nconsole = usb:066AFF:0\nbaud = 115200\n"
            b"power = ppk2:E1B2C3, source, 3300 mV\nmemory = flash 0x08000000 512K, ram 0x20000000 128K\n"
            b"mcu = STM32\nidcode = 0x4ba00477\nclock-tolerance = 0.02\n",
            b"[board pi]\ntype = linux-arm64\nexec = local\npower = sysfs:/sys/class/hwmon/hwmon2\n",
            *[text.encode() for text in shown], *[p.read_bytes() for p in ROOT.glob("packaging/**/*.ini")]]


def seeds_route():
    """Every operation of the REST contract, with an id where it takes one."""
    paths = json.loads((ROOT / "protocols/rest/openapi.json").read_text())["paths"]
    return [f"{method.upper()} {re.sub('{[^}]*}', '7', path)}".encode() for path, item in paths.items()
            for method in item if method in ("get", "post", "put", "patch", "delete", "head")]


def request(method, path, body=b"", *head):
    """With what the server under fuzz_http knows: session, epoch and run are 1."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *head]
    if body:
        kind = "json" if body[:1] in b"{[" else "octet-stream"
        lines += [f"Content-Type: application/{kind}", f"Content-Length: {len(body)}"]
    if path.startswith("/agent"):
        lines += ["Hilda-Agent-Protocol: 1", "Hilda-Session: 1", "Hilda-Epoch: 1"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def seeds_http():
    """Each operation of the contract, each body that is taken, and the framings that were attacks elsewhere."""
    bodies = {"/api/v1/jobs": json.dumps({"name": "j", "board": {"type": "t"}, "protocol": "uart-bench", "image": "sha256:"
                                          + "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}),
              "/api/v1/artifacts": '{"sha256":"%s","bytes":3}' % ("b" * 64), "/api/v1/uploads/1": "abc",
              "/api/v1/boards/b": '{"action":"drain","reason":"r"}', "/api/v1/boards/b/health": '{"reason":"r"}',
              "/agent/v1/acquire": '{"request":"q","boards":["b"],"acknowledged":[1]}',
              "/agent/v1/heartbeat": '{"runs":[{"run":1,"epoch":1,"stage":"warm"}],"boards":[],"rejected":[]}',
              "/agent/v1/runs/1/start": "{}", "/agent/v1/runs/1/log": "\0" * 8 + "\1\0\0\0\0\0\0\0x",
              "/agent/v1/runs/1/result": '{"result_id":"r","outcome":"failed","detail":"","stage":"warm","late":false,'
                                         '"started_at":null,"finished_at":null,"stages":[],"phases":[]}'}
    out = []
    for seed in seeds_route():
        method, path = seed.decode().split(" ")
        path = path.replace("/7", "/b" if "boards" in path else "/" + "a" * 64 if "artifacts" in path else "/1")
        body = bodies.get(path, "") if method != "GET" else ""
        query = {"/agent/v1/runs/1/log": "?offset=0", "/api/v1/runs/1/samples": "?phase=warm&metric=latency_us&boot=0",
                 "/api/v1/jobs": "?state=queued&limit=5&after=9&label.a=b" if method == "GET" else "?strict",
                 "/api/v1/runs/1/log": "?from=0"}.get(path, "")
        out.append(request(method, path + query, body.encode(), "Upload-Offset: 0", "Idempotency-Key: k"))
    get = request("GET", "/healthz")
    head = b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    out += [get + get, get.replace(b"GET", b"HEAD"), get.replace(b"1.1", b"1.0"),
            request("GET", "/api/v1/jobs/1/log?from=0", b"", "Accept: text/event-stream", "Last-Event-ID: 3"),
            request("GET", "/", b"", "Accept-Encoding: gzip", "If-None-Match: *"), request("GET", "/%00"),
            head + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + get,
            head + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n" + get,
            head + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}" + get,
            head + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
            head + b"X-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\n{}"]
    return out


def seeds_query():
    return [b"state=queued&limit=5&after=17&label.model=tiny&from=0\nHost: localhost:8080\nUpload-Offset: 12\n",
            b"limit=500\nHost: [::1]:80\nOrigin: http://[::1]:80\nContent-Type: application/json; charset=utf-8\n",
            b"from=9223372036854775807\nLast-Event-ID: 0123456789abcdef0123456789abcdef-18446744073709551614\n",
            b"15 s\nContent-Length: 5\nTransfer-Encoding: chunked\nContent-Length: 5\n", b"0x20\n", b"-5\n", b"1.5e-3\n"]


def words_http():
    """What a mutation shall put in whole."""
    words = ["GET ", "HEAD ", "POST ", "PUT ", "PATCH ", "DELETE ", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "\r\n\r\n", "\r\n ",
             "Host: localhost\r\n", "Content-Length: ", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n",
             "Expect: 100-continue\r\n", "Content-Type: application/json\r\n", "Accept: text/event-stream\r\n",
             "Upload-Offset: ", "Last-Event-ID: ", "Origin: ", "If-None-Match: ", "Accept-Encoding: gzip\r\n", "0\r\n\r\n",
             "%00", "%2e%2e", "\t", "label.", "limit=", "after=", "from=", "state="]
    return [word.encode() for word in words]


def seeds_buspirate():
    """What OpenOCD's driver sends first: speed, feature, a scan of 32 bits (JTAG) or a line reset (SWD)."""
    return [b"\x00\x07\x02\xaa\x55\x02\x01\x00\x05\x00\x20" + bytes(range(8)), b"\x01\x1f" + b"\xff" * 16,
            b"\x01\x63\x8a\x10\xa5\x06\x06\x06\x06\x07"]


def seeds_elf():
    """Small images: the fuzzer can do little with large ones."""
    out = []
    for source in ("int a = 1; int b; int f(int x) { return x + a + b; }", "void g(void) {}"):
        obj = FUZZ / "seed.elf"
        subprocess.run(["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-g", "-nostdlib", "-Wl,-e,0", "-x", "c", "-",
                        "-o", obj], input=source.encode(), check=True, stderr=subprocess.DEVNULL)
        out.append(obj.read_bytes())
        obj.unlink()
    return out


def seeds_ppk2():
    """Pieces of the golden streams that fit, and the texts of calibration."""
    folder = ROOT / "protocols/vectors/ppk2"
    return [p.read_bytes() for p in folder.glob("*.txt")] + [p.read_bytes()[:1600] for p in folder.glob("*.bin")]


def seeds_model():
    return [p.read_bytes() for p in ROOT.glob("protocols/vectors/model/*.hlm")]


def seeds_capture():
    """One that the format's page describes, with the frame stored as it is: gaps, an invalid span, an odd counter."""
    def record(kind, data):
        return struct.pack("<IIII", kind, len(data), zlib.crc32(data), 0) + data

    def block(index, words, gaps, invalid, odd):
        plain = bytes(4 * words) + b"".join(struct.pack("<II", *o) for o in odd)
        frame = struct.pack("<IBI", 0xFD2FB528, 0xA0, len(plain)) + struct.pack("<I", len(plain) << 3 | 1)[:3] + plain
        spans = b"".join(struct.pack("<II", *s) for s in gaps + invalid)
        return record(2, struct.pack("<QIIIIB7x", index, words, len(gaps), len(invalid), len(frame), index % 64)
                      + spans + frame)
    header = record(1, json.dumps({
        "format": 1, "serial": "C0FFEE", "mode": "source", "voltage_mV": 3300, "rate_hz": 100000, "virtual": False,
        "started_at": "2026-01-02T03:04:05.678Z", "metadata": "R0: 1000\nEND\n"}).encode())
    return [header + block(0, 20, [], [], []) + block(25, 30, [(0, 5), (7, 3)], [(6, 2)], [(6, 1)])
            + record(3, struct.pack("<QQQq", 50, 8, 2, 580)), block(7, 1, [(0, 7)], [(0, 1)], [])]


def seeds_cron():
    """Expressions with the smallest zones that have a table, a rule, half an hour of summer time, or nothing."""
    zones = [pathlib.Path("/usr/share/zoneinfo", name).read_bytes()
             for name in ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia")]
    lines = [b"30 2 * * *", b"*/15 0-6/2 1,15,29-31 jan-mar,OCT mon-fri", b"0 0 29 2 *", b"0 0 30 2 *", b"59 23 31 * 0,7"]
    return [line + b"\n" + zone for line in lines for zone in zones]


def dictionary_of(name):
    words = globals().get(f"words_{name}")
    if not words:
        return []
    path = FUZZ / f"{name}.dict"
    path.write_text("".join('"%s"\n' % "".join(f"\\x{b:02x}" for b in word) for word in words()))
    return [f"-dict={path}"]


def fuzz(name, seconds):
    """Whether the target found nothing; says so in a line."""
    corpus, found = FUZZ / "corpus" / name, FUZZ / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    make_seeds = globals().get(f"seeds_{name}")
    for i, seed in enumerate(make_seeds() if make_seeds else []):
        (corpus / f"seed-{i}").write_bytes(seed)
    done = subprocess.run([FUZZ / f"fuzz_{name}", *dictionary_of(name), f"-max_total_time={seconds}",
                           f"-timeout={INPUT_SECONDS}", "-rss_limit_mb=2048", f"-max_len={MAX_BYTES.get(name, 8192)}",
                           f"-artifact_prefix={found}/{name}-", "-print_final_stats=1", corpus],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stdout)
    good = bool(done.returncode == 0 and runs)
    said = "" if good else "\n" + "\n".join(done.stdout.splitlines()[-60:])
    print(f"{'ok  ' if good else 'FAIL'} fuzz_{name}: {runs.group(1) if runs else '?'} executions in {seconds} s, "
          f"{len(list(corpus.iterdir()))} inputs in the corpus{said}", flush=True)
    return good


def main(seconds, only):
    targets = sorted(p.stem[5:] for p in (ROOT / "tests/fuzz").glob("fuzz_*.c"))
    if only and only not in targets:
        sys.exit(f"{only}: no such fuzz target; known: {', '.join(targets)}")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        good = list(pool.map(lambda name: fuzz(name, seconds), [only] if only else targets))
    print(f"{sum(good)} passed, {len(good) - sum(good)} failed, 0 skipped")
    return 0 if all(good) else 1


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or not sys.argv[1].isdigit():
        sys.exit("usage: fuzz.py SECONDS [TARGET]")
    sys.exit(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) == 3 else ""))
