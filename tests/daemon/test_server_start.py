"""How hildad starts, refuses to start, and ends."""

import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess

import pytest
from conftest import program, wait_for
from server_kit import make_server, server  # noqa: F401


def refused(*arguments, code=1, **how):
    done = subprocess.run([str(program("hildad")), *map(str, arguments)], stdin=subprocess.DEVNULL, timeout=20,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)
    assert done.returncode == code, (done.returncode, done.stderr)
    assert done.stderr.startswith("hildad: ") or "hildad: " in done.stderr
    return done.stderr


def said(*arguments):
    done = subprocess.run([str(program("hildad")), *map(str, arguments)], stdin=subprocess.DEVNULL, timeout=20,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_names_every_setting_with_its_default():
    text = said("--help")
    source = (pathlib.Path(__file__).parents[2] / "server" / "settings.c").read_text()
    keys = re.findall(r'\{"([a-z-]+)",\s+SETTING_', source)
    assert len(keys) > 10
    for key in keys:
        assert re.search(rf"(?m)^  {key} .*\(default: .+\)$", text), key
    assert said("--version").startswith("hildad 0.")


def test_the_port_is_in_use(tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        text = refused("--data", tmp_path / "d", "--listen", f"127.0.0.1:{port}")
    assert f"port {port}" in text and "in use" in text and "--listen" in text


@pytest.mark.parametrize("address", ["0.0.0.0:8080", "192.0.2.1:8080", "[::]:8080", ":::8080"])
def test_only_loopback(tmp_path, address):
    text = refused("--data", tmp_path / "d", "--listen", address, code=2)
    assert "tokens" in text and "127.0.0.1" in text or "HOST:PORT" in text
    assert not (tmp_path / "d").exists()


def test_insecure_is_said_in_so_many_words(tmp_path):
    assert "--insecure" in refused("--data", tmp_path / "d", "--listen", "192.0.2.1:8080", code=2)
    assert said("--listen", "192.0.2.1:8080", "--insecure", "--check-config") == "the settings are fine\n"
    config = tmp_path / "hildad.ini"
    config.write_text("[server]\nlisten = 192.0.2.1:8080\ninsecure = yes\n")
    assert said("--config", config, "--check-config") == "the settings are fine\n"
    config.write_text("[server]\nlisten = 192.0.2.1:8080\ninsecure = no\n")
    assert "--insecure" in refused("--config", config, code=2)


@pytest.mark.parametrize("address", ["8080", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "[::1:80", "lab.example:80"])
def test_addresses_that_are_none(tmp_path, address):
    assert "listen" in refused("--data", tmp_path / "d", "--listen", address, code=2)


def test_ipv6_loopback(make_server):
    server = make_server(listen="[::1]:0").start()
    with socket.create_connection(("::1", server.port), timeout=10) as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n")
        assert s.recv(100).startswith(b"HTTP/1.1 200")


def test_the_data_folder_is_not_writable(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to become somebody else")
    folder = tmp_path / "d"
    folder.mkdir(mode=0o755)
    for parent in [tmp_path, *tmp_path.parents]:
        if parent.stat().st_uid == 0 and str(parent).startswith("/tmp/"):
            parent.chmod(0o755)
    text = refused("--data", folder, "--listen", "127.0.0.1:0", user=65534, group=65534, extra_groups=[])
    assert str(folder) in text and "not writable" in text and "65534" in text
    text = refused("--data", folder / "new", "--listen", "127.0.0.1:0", user=65534, group=65534, extra_groups=[])
    assert str(folder / "new") in text


def test_the_data_folder_lies_below_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    assert str(tmp_path / "file") in refused("--data", tmp_path / "file" / "d", "--listen", "127.0.0.1:0")


def test_a_second_server_on_the_same_data(server):
    text = refused("--data", server.data, "--listen", "127.0.0.1:0")
    assert str(server.process.pid) in text
    assert server.get("/healthz").status == 200


def test_a_database_of_a_newer_version(make_server):
    server = make_server().start()
    server.stop()
    with sqlite3.connect(server.data / "hilda.db") as db:
        db.execute("PRAGMA user_version = 9999")
    text = refused("--data", server.data, "--listen", "127.0.0.1:0")
    assert "9999" in text and "newer" in text


@pytest.mark.parametrize("line, words", [
    ("lease = 60", ["lease"]), ("leese = 60s", ["leese"]), ("threads = 0", ["threads"]), ("threads = 1000", ["threads"]),
    ("log-level = loud", ["loud", "debug"]), ("acquire = 1h", ["acquire"]), ("acquire = 1 ms", ["acquire"]),
])
def test_a_setting_that_is_wrong_is_named(tmp_path, line, words):
    config = tmp_path / "h.ini"
    config.write_text(f"[server]\ndata = {tmp_path}/d\n{line}\n")
    text = refused("--config", config, code=2)
    for word in words:
        assert word in text, text
    assert not (tmp_path / "d").exists()


def test_arguments_that_are_wrong():
    assert "--frobnicate" in refused("--frobnicate", code=2)
    assert "--data" in refused("--data", code=2)
    assert "/nonexistent.ini" in refused("--config", "/nonexistent.ini", code=2)


def test_check_config_touches_nothing(tmp_path):
    config = tmp_path / "h.ini"
    config.write_text(f"; a comment\n[server]\ndata = {tmp_path}/d\nlease = 5 s\n")
    assert "fine" in said("--config", config, "--check-config")
    assert not (tmp_path / "d").exists()


def test_the_command_line_wins_over_the_file(make_server, tmp_path):
    server = make_server(data=tmp_path / "from-file")
    server.data = tmp_path / "from-line"
    command = [*server.command(), f"--data={tmp_path}/from-line"]
    server.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: (tmp_path / "from-line" / "hilda.db").exists() and (server.folder / "port").exists())
    assert not (tmp_path / "from-file").exists()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_gracefully_and_nothing_is_lost(make_server, sig):
    server = make_server().start()
    job = server.submit()
    assert server.stop(sig) == 0
    server.start()
    assert server.api(f"/jobs/{job}")["state"] == "queued"


def test_kill_9_loses_nothing_that_was_acknowledged(make_server):
    server = make_server().start()
    jobs = [server.submit() for _ in range(20)]
    server.stop(signal.SIGKILL)
    server.start()
    found = server.api("/jobs?limit=50")["items"]
    assert [j["id"] for j in found] == jobs[::-1]


def test_the_ready_line_says_where_it_listens(server):
    wait_for(lambda: f"port={server.port}" in server.log.read_text() and "ready" in server.log.read_text())


def test_short_terms_are_handed_to_agents(server):
    reply = server.call("POST", "/agent/v1/register", {"name": "a", "instance": "x", "boards": [], "runs": []},
                        {"Hilda-Agent-Protocol": "1"})
    found = reply.json
    assert (found["lease_ms"], found["grace_ms"], found["heartbeat_ms"], found["acquire_ms"]) == (20000, 1000, 200, 2000)
