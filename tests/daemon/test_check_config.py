"""`--check-config` of server and agent: every problem with its line and what would do, 0 or 1, nothing touched."""

import subprocess

import pytest
from conftest import program


def check(name, text, tmp_path, *words):
    config = tmp_path / "x.ini"
    config.write_text(text)
    before = sorted(p.name for p in tmp_path.rglob("*"))
    done = subprocess.run([program(name), "--config", config, "--check-config", *words], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20)
    assert sorted(p.name for p in tmp_path.rglob("*")) == before
    return done.returncode, done.stdout, done.stderr.splitlines()


def test_the_server_says_all_that_is_wrong(tmp_path):
    code, out, said = check("hildad", f"""[server]
data = {tmp_path}/d
lease = 60
leese = 60s
threads = 0
acquire = 1 ms
insecure = perhaps
auth = nobody
log-level = loud
listen = 192.0.2.1:8080
[sever]
x = 1
""", tmp_path)
    assert code == 1 and not out
    for words in (["x.ini:3", "lease = 60", "like 500ms"], ["x.ini:4", "leese"], ["x.ini:5", "threads", "from 1 to 64"],
                  ["line 6", "acquire", "at least 10 ms"], ["x.ini:7", "neither yes nor no"],
                  ["auth 'nobody'", "tokens"], ["log-level 'loud'", "debug"], ["192.0.2.1", "insecure"],
                  ["x.ini:12", "unknown section [sever]"]):
        assert sum(all(w in line for w in words) for line in said) == 1, (words, said)
    assert len(said) == 9, said


def test_the_agent_says_all_that_is_wrong(tmp_path):
    code, out, said = check("hilda-agent", f"""[agent]
data = {tmp_path}/d
run = {tmp_path}/l
server = lab.example
nmae = x
[board one]
virtual = mps3-an547
exec = local
[board two]
type = nucleo-f446re
openocd = interface/stlink.cfg
[board three]
type = host
exec = local
baud = fast
[board four]
type = host
exec = local
tgas = x
[boards]
x = 1
""", tmp_path)
    assert code == 1 and not out
    for words in (["server = lab.example", "http://"], ["[board one]", "either exec or virtual"],
                  ["[board two]", "console", "missing"], ["15", "baud = fast", "from 300"], ["tgas", "no such key"],
                  ["x.ini:21", "unknown section [boards]"]):
        assert sum(all(w in line for w in words) for line in said) == 1, (words, said)
    assert len(said) == 6, said


@pytest.mark.parametrize("name, text", [("hildad", "[server]\nlisten = 127.0.0.1:9000\nlease = 5 s\n"),
                                        ("hilda-agent", "[agent]\nname = a\n[board b]\ntype = host\nexec = local\n")])
def test_what_is_fine_is_said_to_be(name, text, tmp_path):
    code, out, said = check(name, text, tmp_path)
    assert (code, said) == (0, []) and "fine" in out


def test_a_token_that_is_not_there_is_said_before_the_first_call(tmp_path):
    code, _, said = check("hilda-agent", f"[agent]\nname = bench-3\ntoken-file = {tmp_path}/token\n", tmp_path)
    assert code == 1 and len(said) == 1
    assert "line 3" in said[0] and "hildad token create --scopes agent --host bench-3" in said[0]
    (tmp_path / "token").write_text("x")
    assert check("hilda-agent", f"[agent]\ntoken-file = {tmp_path}/token\n", tmp_path)[0] == 0


def test_a_machine_that_no_virtual_board_has(tmp_path):
    code, out, said = check("hilda-agent", "[board b]\ntype = mps3-an547\nvirtual = mps3-an574\n", tmp_path)
    assert code == 1 and not out and len(said) == 1
    assert all(w in said[0] for w in ("x.ini: line 3", "virtual = mps3-an574", "known: mps3-an547, mps2-an386")), said
    assert check("hilda-agent", "[board b]\ntype = mps3-an547\nvirtual = mps3-an547\n", tmp_path)[0] == 0


@pytest.mark.parametrize("name", ["hildad", "hilda-agent"])
def test_a_file_that_is_none(name, tmp_path):
    code, _, said = check(name, "x = 1\n", tmp_path)
    assert code == 1 and len(said) == 1 and "x.ini:1" in said[0]
    done = subprocess.run([program(name), "--config", tmp_path / "absent.ini", "--check-config"], capture_output=True,
                          text=True, timeout=20)
    assert done.returncode == 1 and "absent.ini" in done.stderr


@pytest.mark.parametrize("name, file", [("hildad", "hildad.ini"), ("hilda-agent", "agent.ini")])
def test_the_packages_own_files_are_fine(name, file, root, tmp_path):
    code, _, said = check(name, (root / "packaging/etc" / file).read_text(), tmp_path)
    assert code == 0, said
