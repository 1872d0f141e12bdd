"""Pages of the manual: every setting, option and command stands in its page, and man takes them."""

import json
import re
import subprocess

import pytest
from conftest import ROOT, need, program

PAGES = ["hildad.8", "hilda-agent.8", "hilda.1", "hilda-vboard.1"]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """As groff shows them: words, not marks."""
    need("groff")
    folder = tmp_path_factory.mktemp("man")
    subprocess.run(["/usr/bin/python3", ROOT / "packaging/manual.py", program("hilda").parent, folder, "1.2.3", "2026-01-02"],
                   check=True, timeout=60)
    found = {}
    for name in PAGES:
        done = subprocess.run(["groff", "-man", "-Tascii", "-P-c", "-P-b", "-P-u", "-ww", "-rLL=400n", folder / name],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and not done.stderr, (name, done.stderr)
        found[name] = done.stdout
    return found


def standing(text, words):
    return re.search(rf"(?m)^ *{re.escape(words)}(\s|$)", text)


@pytest.mark.parametrize("page", PAGES)
def test_pages_have_the_parts_that_people_look_for(pages, page):
    text = pages[page]
    for part in ("NAME", "SYNOPSIS", "DESCRIPTION", "SEE ALSO"):
        assert re.search(rf"(?m)^{part}$", text), part
    assert "1.2.3" in text and "2026-01-02" in text and f"{page[:-2]} - " in text


def test_every_setting_of_the_server_is_there(pages):
    keys = re.findall(r'\{"([a-z-]+)",\s+SETTING_', (ROOT / "server/settings.c").read_text())
    assert len(keys) > 15
    for key in keys:
        assert standing(pages["hildad.8"], key), key
    commands = re.findall(r'(?m)^\t\{"([a-z-]+)", "', (ROOT / "server/commands/commands.c").read_text())
    for command in [*commands, "backup", "check"]:
        assert re.search(rf"\b{command}\b", pages["hildad.8"]), command
    assert "--check-config" in pages["hildad.8"] and "token create" in pages["hildad.8"]


def test_every_setting_of_the_agent_is_there(pages):
    text = "".join((ROOT / path).read_text() for path in ("agent/settings.c", "agent/board/config.c"))
    keys = set(re.findall(r'\b(?:text|folder|ini_get|ini_get_\w+)\((?:s|section), "([a-z-]+)"', text))
    assert {"name", "server", "cache", "stop-grace", "type", "exec-user", "baud"} <= keys
    for key in keys:
        assert standing(pages["hilda-agent.8"], f"{key} ="), key
    for word in ("discover", "check", "--check-config", "run"):
        assert standing(pages["hilda-agent.8"], word), word


def test_every_command_and_option_of_the_command_line_is_there(pages):
    text = pages["hilda.1"]
    commands = json.loads(subprocess.run([program("hilda"), "help", "--json"], capture_output=True, check=True).stdout)
    assert len(commands) > 30
    for c in commands:
        assert f"hilda {c['name']}" in text and c["summary"].split("`")[0] in text, c["name"]
        for option in c["options"]:
            assert standing(text, f"--{option['name']}"), (c["name"], option["name"])
    for e in json.loads(subprocess.run([program("hilda"), "help", "exit-codes", "--json"], capture_output=True,
                                       check=True).stdout):
        assert e["help"] in text


def test_machines_and_faults_of_virtual_boards_are_there(pages):
    text = pages["hilda-vboard.1"]
    machines = re.findall(r'\.name = "([a-z0-9-]+)"', (ROOT / "virtual-lab/machines.c").read_text())
    assert machines
    for machine in machines:
        assert standing(text, machine), machine
    assert "uart-silent" in text and "--ppk2-seed" in text
