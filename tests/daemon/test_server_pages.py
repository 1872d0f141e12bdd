"""The pages that are compiled into the server, and the REST contract."""

import gzip
import json
import pathlib
import re

from server_kit import Agent, job_document, make_server, record, server  # noqa: F401

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_every_page_path_gives_the_shell_with_the_strict_policy(server):
    shell = server.get("/").body
    assert b'<div id="app">' in shell
    for path in ("/jobs", "/jobs/5", "/runs/3", "/boards", "/boards/m55-1", "/results?virtual=true", "/no/such/page"):
        reply = server.get(path)
        assert reply.status == 200 and reply.body == shell
        policy = reply.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'") and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert server.call("HEAD", "/jobs").status == 200


def test_what_the_shell_loads_is_there_and_kept_for_ever(server):
    shell = server.get("/").body.decode()
    links = re.findall(r'(?:src|href)="(/[^"]+)"', shell)
    assert len(links) >= 3 and all(link.startswith("/static/") for link in links), links
    for link in links:
        reply = server.get(link)
        assert reply.status == 200 and "immutable" in reply.headers["Cache-Control"]
        plain = server.get("/" + link.split("/", 3)[3])
        assert plain.body == reply.body and plain.headers["Cache-Control"] == "no-cache"


def test_every_file_of_the_pages_is_in_the_program(server):
    files = [p for p in (ROOT / "web").rglob("*") if p.is_file() and p.suffix in (".mjs", ".js", ".css", ".svg")]
    assert len(files) > 10
    for path in files:
        reply = server.get("/" + path.relative_to(ROOT / "web").as_posix())
        assert reply.status == 200, path
        kind = {".mjs": "text/javascript", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
        assert reply.headers["Content-Type"].startswith(kind[path.suffix])
    for vendor in json.loads((ROOT / "web" / "vendor.json").read_text()):
        assert server.get("/vendor/" + vendor["name"]).status == 200
    assert server.get("/vendor.json").status == 404 and server.get("/index.html").status == 404


def test_gzip_and_etag(server):
    plain = server.get("/vendor/uPlot.iife.min.js")
    packed = server.get("/vendor/uPlot.iife.min.js", **{"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip" and packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.body) == plain.body and len(packed.body) < len(plain.body) / 2
    assert "Content-Encoding" not in plain.headers
    again = server.get("/vendor/uPlot.iife.min.js", **{"If-None-Match": plain.headers["ETag"]})
    assert again.status == 304 and again.body == b""


def test_what_is_not_there(server):
    for path in ("/missing.js", "/static/0000000000000000/app.mjs", "/static/app.mjs", "/api", "/api/v2/jobs",
                 "/agent/v1", "/api/v1/"):
        assert server.get(path).problem == "not-found", path
    assert server.call("POST", "/jobs", {}).problem == "not-found"


def test_pages_from_a_folder(make_server, tmp_path):
    web = tmp_path / "web"
    (web / "lib").mkdir(parents=True)
    (web / "index.html").write_text("<p>shell</p>")
    (web / "lib" / "a.mjs").write_text("export {};")
    (web / ".secret.js").write_text("no")
    (tmp_path / "outside.js").write_text("no")
    (web / "link.js").symlink_to(tmp_path / "outside.js")
    server = make_server(web_dir=web).start()
    assert server.get("/jobs/1").body == b"<p>shell</p>"
    reply = server.get("/lib/a.mjs")
    assert reply.body == b"export {};" and reply.headers["Cache-Control"] == "no-store"
    (web / "lib" / "a.mjs").write_text("export const b = 1;")
    assert server.get("/lib/a.mjs").body == b"export const b = 1;"
    for path in ("/../outside.js", "/lib/../../outside.js", "/%2e%2e/outside.js", "/.secret.js", "/link.js", "/lib",
                 "//etc/hostname.txt", "/lib//a.mjs"):
        reply = server.get(path)
        assert b"no" not in reply.body[:2] and reply.status in (200, 404)
        assert reply.status == 404 or reply.body == b"<p>shell</p>"
    assert server.get("/vendor/uPlot.min.css").status == 200, "libraries are in the program"


def test_the_contract_is_served_and_the_metrics_too(server):
    found = server.get("/api/v1/openapi.json").json
    assert found == json.loads((ROOT / "protocols" / "rest" / "openapi.json").read_text())
    text = server.get("/metrics")
    assert text.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    for line in text.body.decode().splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) hilda_\w+ .+|hilda_\w+(\{\w+=\"[\w.+-]+\"\})? [0-9.e+-]+", line), line
    server.submit()
    found = dict(line.rsplit(" ", 1) for line in server.get("/metrics").body.decode().splitlines())
    assert found['hilda_jobs{state="queued"}'] == "1" and int(found["hilda_commits_total"]) >= 1
    assert found['hilda_write_seconds_bucket{le="+Inf"}'] == found["hilda_write_seconds_count"] == "1"


def test_every_get_of_the_contract_answers_as_it_says(server):
    """Each path with ids that do not exist: 200 or a problem that the contract lists."""
    contract = server.get("/api/v1/openapi.json").json
    for path, methods in contract["paths"].items():
        if "get" not in methods or path.endswith("/events"):
            continue
        url = path.replace("{id}", "424242").replace("{name}", "nobody").replace("{sha256}", "0" * 64)
        reply = server.get(url)
        assert str(reply.status) in methods["get"]["responses"], (url, reply.status, reply.body)
        if reply.status != 200:
            assert reply.problem


KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
         "null": type(None)}


def differences(contract, schema, value, where=""):
    """What of an answer the contract does not have: a key, or a value of another type."""
    if "$ref" in schema:
        schema = contract["components"]["schemas"][schema["$ref"].split("/")[-1]]
    kinds = schema.get("type", list(KINDS))
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if not any(isinstance(value, KINDS[k]) and (k == "boolean" or not isinstance(value, bool)) for k in kinds):
        return [f"{where} is {value!r}, not {kinds}"]
    found, known = [], schema.get("properties", {})
    if isinstance(value, dict):
        others = schema.get("additionalProperties", not known)
        for key, member in value.items():
            if key in known or others:
                inner = known.get(key, others if isinstance(others, dict) else {})
                found += differences(contract, inner, member, f"{where}/{key}")
            else:
                found.append(f"{where}/{key} is not in the contract")
    elif isinstance(value, list):
        for i, member in enumerate(value):
            found += differences(contract, schema.get("items", {}), member, f"{where}/{i}")
    return found


def test_what_is_answered_is_in_the_contract(server):
    contract = server.get("/api/v1/openapi.json").json
    agent = Agent(server)
    agent.register()
    image = server.put_blob(b"firmware")
    job = server.submit(job_document(image, labels={"model": "m", "quant": "int8"}, deadline_ms=None))
    offer = agent.offer()
    agent.start(offer)
    agent.log(offer, 0, record("hello\r\n", 5))
    agent.result(offer)
    found = []
    for path, methods in contract["paths"].items():
        if "get" not in methods or path.endswith("/events"):
            continue
        url = path.replace("{name}", "b1").replace("{sha256}", image)
        for number in {job, offer["run"], 1}:
            reply = server.get(url.replace("{id}", str(number)) + ("?phase=warm" if path.endswith("/samples") else ""))
            content = methods["get"]["responses"].get(str(reply.status), {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            if schema and reply.headers["Content-Type"].startswith("application/json"):
                found += differences(contract, schema, reply.json, path)
    assert not found, "\n".join(sorted(set(found)))


def test_what_a_submit_takes_is_in_the_contract(server):
    """The server's own words for each object of the document, against the contract's properties."""
    contract = server.get("/api/v1/openapi.json").json["components"]["schemas"]["JobDocument"]
    image = server.put_blob(b"firmware")

    def known(**members):
        reply = server.call("POST", "/api/v1/jobs", {**job_document(image), **members})
        assert reply.status == 400 and reply.json["pointer"].endswith("/x"), reply.body
        return set(reply.json["known"])

    def said(schema):
        return set(schema["properties"])

    document = job_document(image)
    assert server.call("POST", "/api/v1/jobs", {k: document[k] for k in contract["required"]}).status == 201
    for key in contract["required"]:
        less = {k: v for k, v in document.items() if k != key}
        assert server.call("POST", "/api/v1/jobs", less).json["pointer"].startswith(f"/{key}"), key
    assert known(x=1) == said(contract)
    parts = contract["properties"]
    for name in ("board", "phases", "timeouts_s", "expect"):
        assert known(**{name: {"x": 1}}) == said(parts[name]), name
    assert known(criteria=[{"x": 1}]) == said(parts["criteria"]["items"])
    assert known(files=[{"x": 1}]) == said(parts["files"]["items"])
    for name in ("cold", "warm", "energy", "accuracy", "sustained"):
        assert known(phases={name: {"x": 1}}) == said(parts["phases"]["properties"][name]), name
    lines = parts["lines"]
    assert known(phases=None, protocol="lines", lines={"x": 1}) == said(lines)
    patterns = lines["properties"]["patterns"]["items"]
    assert known(phases=None, protocol="lines", lines={"patterns": [{"x": 1}]}) == said(patterns)


def test_the_contract_has_the_parameters_of_each_address(server):
    contract = server.get("/api/v1/openapi.json").json
    for path, methods in contract["paths"].items():
        wanted = {p["name"].replace("label.KEY", "label.") for p in methods.get("get", {}).get("parameters", [])
                  if p["in"] == "query"}
        url = path.replace("{id}", "1").replace("{name}", "nobody").replace("{sha256}", "0" * 64)
        reply = server.get(url + "?nonsense=1")
        if "get" in methods and wanted and not path.startswith(("/agent/", "/api/v1/tunnels/")):
            assert reply.problem == "bad-query" and set(reply.json["known"]) == wanted, path
            assert "400" in methods["get"]["responses"], path
