"""The rules of the house that a machine can check: arrows, banned calls, SQL, paths, packages."""

import re
import subprocess

import pytest
from conftest import ROOT

PROGRAMS = ["server", "agent", "cli", "virtual-lab", "firmware-stub"]
LIBRARIES = {"common": [], "protocols": ["common"], "stats": ["common", "protocols"],
             "instruments": ["common", "protocols", "stats"]}
MAY_INCLUDE = {**LIBRARIES, **{p: ["common", "protocols", "instruments", "stats"] for p in PROGRAMS}}
# What bare metal can include: no I/O, no malloc, no libc.
FREESTANDING = {"protocols/uart-bench/hilda_report.h", "protocols/uart-bench/crc.h", "protocols/uart-bench/sha256.h",
                "protocols/model/model.h"}


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns], cwd=ROOT,
                         stdout=subprocess.PIPE, text=True, check=True).stdout
    return [ROOT / line for line in out.splitlines() if (ROOT / line).is_file()]


def sources(folder):
    files = [p for p in tracked("*.c", "*.h") if p.relative_to(ROOT).parts[0] == folder]
    assert files, f"{folder} has no sources"
    return files


def includes(path):
    return re.findall(r'(?m)^\s*#\s*include\s+"([^"]+)"', path.read_text())


@pytest.mark.parametrize("folder", MAY_INCLUDE)
def test_arrows_run_one_way(folder):
    allowed = {folder, *MAY_INCLUDE[folder]}
    wrong = [f"{p.relative_to(ROOT)} includes {name}" for p in sources(folder) for name in includes(p)
             if name.split("/")[0] in MAY_INCLUDE and name.split("/")[0] not in allowed]
    assert not wrong, "\n".join(wrong)


def test_firmware_includes_only_freestanding_protocols():
    wrong = [f"{p.relative_to(ROOT)} includes {name}" for p in sources("firmware-stub") for name in includes(p)
             if name.split("/")[0] in ("protocols", "common") and name not in FREESTANDING]
    assert not wrong, "\n".join(wrong)
    for name in FREESTANDING:
        deeper = [i for i in includes(ROOT / name) if i not in FREESTANDING]
        assert not deeper, f"{name} includes {deeper}"


def test_sql_stays_in_the_store():
    words = re.compile(r'"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|PRAGMA|BEGIN|COMMIT)\b')
    wrong = [str(p.relative_to(ROOT)) for p in sources("server")
             if p.relative_to(ROOT).parts[1] != "store" and words.search(p.read_text())]
    assert not wrong, wrong


def test_children_are_started_by_one_module():
    calls = re.compile(r"\b(fork|vfork|execv|execvp|execl|execlp|posix_spawn|posix_spawnp)\s*\(")
    allowed = {"common/process.c", "common/shim/main.c"}
    wrong = [str(p.relative_to(ROOT)) for f in MAY_INCLUDE for p in sources(f)
             if str(p.relative_to(ROOT)) not in allowed and f != "firmware-stub" and calls.search(p.read_text())]
    assert not wrong, wrong


def test_nothing_committed_names_this_machine():
    hits = []
    path = re.compile(r"(?<!%s)/(home|root|work)/[a-z]|/tmp/[a-z]+[0-9]+/")
    for p in tracked():
        if p.suffix in (".png", ".lock") or p.name == "test_house.py":
            continue
        text = p.read_bytes().decode(errors="replace")
        hits += [f"{p.relative_to(ROOT)}: {m.group(0)}" for m in path.finditer(text)]
    assert not hits, hits[:10]


def test_every_public_header_says_what_it_is():
    silent = [str(p.relative_to(ROOT)) for f in MAY_INCLUDE for p in sources(f)
              if p.suffix == ".h" and "models/" not in str(p) and not p.read_text().lstrip().startswith("/*")]
    assert not silent, silent


def test_packages_install_script_names_what_is_missing(tmp_path):
    lists = tmp_path / "packages"
    lists.write_text("command no-such-command-here no-such-package\ncommand sh dash\n")
    fake = tmp_path / "bin"
    fake.mkdir()
    for tool in ("sh", "gcc", "id"):
        (fake / tool).write_text("#!/bin/sh\n[ \"$1\" = -u ] && echo 1000\nexit 0\n")
        (fake / tool).chmod(0o755)
    done = subprocess.run(["/bin/sh", ROOT / "packaging/install-packages", lists], env={"PATH": str(fake)},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "no-such-package" in done.stderr and "dash" not in done.stderr
