"""The Debian packages, where `make deb` has made them: what is in them, and how they install.

`make check-deb` (root, debootstrap, Debian's mirror) makes those for arm64 too and looks into them, installs ours into a
fresh Debian, boots it where systemd-nspawn may, and looks how the services live below their sandboxes.
"""

import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest
from conftest import BUILD, ROOT, need

PACKAGES = ["hilda-server", "hilda-agent", "hilda"]
PROGRAMS = {"hilda-server": ["hildad"], "hilda-agent": ["hilda-agent", "hilda-vboard"], "hilda": ["hilda"]}
AARCH64 = 183  # e_machine
MIRROR = os.environ.get("HILDA_MIRROR", "http://deb.debian.org/debian")


def run(*words, code=0, **how):
    done = subprocess.run(list(map(str, words)), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          **{"timeout": 600, **how})
    assert code is None or done.returncode == code, (words, done.returncode, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


def newest(arch, how):
    need("dpkg-deb")
    found = {}
    for name in PACKAGES:
        made = sorted((BUILD / "deb/packages").glob(f"{name}_*_{arch}.deb"), key=lambda p: p.stat().st_mtime)
        if not made:
            pytest.skip(f"no packages for {arch} in this variant's build: {how}")
        found[name] = made[-1]
    return found


@pytest.fixture(scope="module")
def debs():
    return newest("amd64", "make deb makes them, and make check calls it")


@pytest.fixture(scope="module")
def unpacked(debs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    for name, deb in debs.items():
        run("dpkg-deb", "-R", deb, folder / name)
    return folder


def field(deb, name):
    return run("dpkg-deb", "-f", deb, name).strip()


@pytest.mark.parametrize("name", PACKAGES)
def test_what_a_package_says_of_itself(debs, name):
    assert field(debs[name], "Package") == name
    assert re.fullmatch(r"\d+\.\d+\.\d+(~git\d{8}\.\d{6}\.[0-9a-f]+)?", field(debs[name], "Version"))
    depends = field(debs[name], "Depends")
    assert re.search(r"\blibc6 \(>= 2\.\d+\)", depends), depends
    wants = {"hilda-server": "libmicrohttpd12", "hilda-agent": "libserialport0", "hilda": "libcurl4"}[name]
    assert wants in depends
    assert ("libcurl4" in depends) == (name != "hilda-server"), "the server calls nobody"


@pytest.mark.parametrize("name", PACKAGES)
def test_what_is_in_a_package(unpacked, name):
    root = unpacked / name
    for program in PROGRAMS[name]:
        assert os.access(root / "usr/bin" / program, os.X_OK)
        assert list(root.glob(f"usr/share/man/man[18]/{program}.[18].gz")), f"{program} has no page"
    assert (root / f"usr/share/doc/{name}/copyright").exists() and (root / f"usr/share/doc/{name}/changelog.gz").exists()
    assert not [p for p in root.rglob("*") if "local" in p.relative_to(root).parts]
    for path in root.rglob("*"):
        assert path.is_symlink() or not path.stat().st_mode & 0o022, f"{path} can be written by others"
    run("md5sum", "-c", "--quiet", "DEBIAN/md5sums", cwd=root)


def test_files_of_the_system_are_where_they_are_looked_for(unpacked):
    server, agent = unpacked / "hilda-server", unpacked / "hilda-agent"
    for root, unit, config in ((server, "hildad", "hildad.ini"), (agent, "hilda-agent", "agent.ini")):
        text = (root / f"usr/lib/systemd/system/{unit}.service").read_text()
        assert f"ExecStart=/usr/bin/{unit}" in text
        assert (root / "DEBIAN/conffiles").read_text() == f"/etc/hilda/{config}\n"
        assert (root / "etc/hilda" / config).exists()
        assert list(root.glob("usr/lib/sysusers.d/*.conf"))
    assert (agent / "usr/lib/udev/rules.d/60-hilda.rules").exists()
    assert (agent / "usr/lib/tmpfiles.d/hilda.conf").exists()
    assert (agent / "usr/libexec/hilda/hilda-shim").exists()
    assert (unpacked / "hilda/usr/share/bash-completion/completions/hilda").exists()
    assert run(agent / "usr/bin/hilda-agent", "--help").count("/usr/libexec/hilda")


def test_packages_do_not_share_files(unpacked):
    seen = {}
    for name in PACKAGES:
        for path in (unpacked / name).rglob("*"):
            inside = path.relative_to(unpacked / name)
            if path.is_file() and inside.parts[0] != "DEBIAN":
                assert inside not in seen, f"{inside} is in {seen.get(inside)} and {name}"
                seen[inside] = name


def test_scripts_are_shell(unpacked):
    for script in [*unpacked.glob("*/DEBIAN/p*"), ROOT / "packaging/deb/build", ROOT / "packaging/deb/sysroot"]:
        run("sh", "-n", script)


def test_udev_knows_what_discover_knows():
    source = (ROOT / "agent/commands/discover.c").read_text()
    rules = (ROOT / "packaging/60-hilda.rules").read_text()
    known = set(re.findall(r"\{0x([0-9a-f]{4}), 0x([0-9a-f]{4}), NULL", source))
    assert len(known) > 10
    named = dict.fromkeys(re.findall(r'ATTR\{idVendor\}=="(\w+)", ATTR\{idProduct\}=="(\w+)", GROUP:="hilda"', rules))
    assert set(named) == known | {("1915", "c00a")}
    assert 'ATTR{idVendor}=="1366", GROUP:="hilda"' in rules and "SEGGER_VENDOR 0x1366" in source
    assert 'ATTR{product}=="*CMSIS-DAP*"' in rules and '"CMSIS-DAP"' in source
    assert "PPK2_VENDOR 0x1915" in source and "PPK2_PRODUCT 0xc00a" in source
    # A later file, 60-openocd.rules of Debian's openocd, must not take them away again.
    assert not re.search(r'(GROUP|MODE)=', rules) and rules.count('GROUP:="hilda", MODE:="0660"') > len(known)


def test_an_upgrade_is_whole_where_a_service_does_not_start(tmp_path):
    """dpkg has configured the package; what keeps the service down is said."""
    for name, answer in (("systemctl", 1), ("systemd-sysusers", 0), ("systemd-tmpfiles", 0), ("udevadm", 0),
                         ("install", 0)):
        (tmp_path / name).write_text(f"#!/bin/sh\n[ \"$1\" != try-restart ] || exit {answer}\n")
        (tmp_path / name).chmod(0o755)
    for package, unit in (("hilda-server", "hildad"), ("hilda-agent", "hilda-agent")):
        script = tmp_path / package
        text = (ROOT / f"packaging/deb/{package}.postinst").read_text()
        script.write_text(text.replace("/run/systemd/system", str(tmp_path)))
        done = subprocess.run(["sh", script, "configure", "0.1"], capture_output=True, text=True, timeout=20,
                              env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
        assert done.returncode == 0 and f"journalctl -u {unit}" in done.stderr, done


def test_users_and_folders(unpacked, tmp_path):
    need("systemd-sysusers")
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    for name in ("hilda-server", "hilda-agent"):
        for conf in (unpacked / name).glob("usr/lib/sysusers.d/*.conf"):
            run("systemd-sysusers", f"--root={root}", conf)
    passwd, group = (root / "etc/passwd").read_text(), (root / "etc/group").read_text()
    assert re.search(r"(?m)^hilda:x:\d+:\d+:Hilda's server:/var/lib/hilda:/usr/sbin/nologin$", passwd), passwd
    assert re.search(r"(?m)^hilda-agent:x:.*:/var/lib/hilda-agent:/usr/sbin/nologin$", passwd)
    assert re.search(r"(?m)^hilda:x:\d+:hilda-agent$", group)


# ---- another architecture: make check-deb ----

@pytest.fixture(scope="module")
def arm64(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arm64")
    for name, deb in newest("arm64", "make check-deb makes them").items():
        run("dpkg-deb", "-R", deb, folder / name)
    return folder


def content(root):
    return {p.relative_to(root) for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_for_arm64_is_the_same_for_another_machine(unpacked, arm64, name):
    root = arm64 / name
    control = (root / "DEBIAN/control").read_text()
    assert re.search(r"(?m)^Architecture: arm64$", control)
    depends, native = (re.search(r"(?m)^Depends: (.*)$", text).group(1)
                       for text in (control, (unpacked / name / "DEBIAN/control").read_text()))
    assert re.search(r"\blibc6 \(>= 2\.\d+\)", depends), depends
    assert re.findall(r"lib[a-z0-9.+-]+", depends) == re.findall(r"lib[a-z0-9.+-]+", native)
    assert content(root) == content(unpacked / name)
    programs = [p for p in [*root.glob("usr/bin/*"), *root.glob("usr/libexec/hilda/*")]]
    assert len(programs) == {"hilda-server": 1, "hilda-agent": 3, "hilda": 1}[name]
    for program in programs:
        head = program.read_bytes()[:20]
        assert head[:6] == b"\x7fELF\x02\x01" and int.from_bytes(head[18:], "little") == AARCH64, program
    run("md5sum", "-c", "--quiet", "DEBIAN/md5sums", cwd=root)


def test_programs_for_arm64_run_and_say_who_they_are(unpacked, arm64):
    need("qemu-aarch64")
    libraries = BUILD / "deb/sysroot-arm64/root"
    for package, programs in PROGRAMS.items():
        for program in programs:
            said = run("qemu-aarch64", "-L", libraries, arm64 / package / "usr/bin" / program, "--version")
            assert said == run(unpacked / package / "usr/bin" / program, "--version")


@pytest.mark.parametrize("lacks, says", [
    ("compiler", r"missing: gcc-aarch64-linux-gnu binutils-aarch64-linux-gnu$"),
    ("libraries", r"missing: libc6-dev:arm64 libmicrohttpd-dev:arm64 .*libarchive-dev:arm64"),
])
def test_what_a_build_for_arm64_lacks_is_named(tmp_path, lacks, says):
    if lacks == "libraries":
        need("aarch64-linux-gnu-gcc")
    (tmp_path / "empty").write_text("")
    (tmp_path / "apt").write_text(f'Dir::Etc::SourceList "{tmp_path}/empty";\nDir::Etc::SourceParts "{tmp_path}/none";\n')
    (tmp_path / "none").mkdir()
    for name in ("dirname", "sed"):
        (tmp_path / "none" / name).symlink_to(shutil.which(name))
    path = str(tmp_path / "none") if lacks == "compiler" else os.environ["PATH"]
    done = subprocess.run(["/bin/sh", ROOT / "packaging/deb/sysroot", "arm64", "aarch64-linux-gnu", tmp_path / "root"],
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                          env={**os.environ, "PATH": path, "APT_CONFIG": str(tmp_path / "apt")})
    assert done.returncode == 1 and re.search(says, done.stderr.strip()), done
    assert "for arm64" in done.stderr and not (tmp_path / "root/made").exists()


# ---- a fresh Debian: make check-deb ----

@pytest.fixture(scope="module")
def debian(debs, tmp_path_factory):
    if os.geteuid():
        pytest.skip("needs root, for debootstrap")
    need("debootstrap")
    root, base = BUILD / "deb/debian", BUILD / "deb/base"
    libraries = sorted({re.sub(r"[ (].*", "", d.split("|")[0].strip()) for deb in debs.values()
                        for d in field(deb, "Depends").split(",")})
    include = f"systemd-sysv,udev,dbus,man-db,iproute2,curl,{','.join(libraries)}"
    shutil.rmtree(root, ignore_errors=True)
    if not (base / "include").exists() or (base / "include").read_text() != include:
        shutil.rmtree(base, ignore_errors=True)
        run("debootstrap", "--variant=minbase", f"--include={include}", "bookworm", base, MIRROR, timeout=1800)
        (base / "include").write_text(include)
    run("cp", "-a", "--reflink=auto", base, root)
    (root / "debs").mkdir()
    for deb in debs.values():
        shutil.copy(deb, root / "debs")
    run("chroot", root, "sh", "-c", "dpkg -i /debs/*.deb")
    return root


def test_it_installs_in_a_fresh_debian(debian):
    for name in ("hildad", "hilda-agent", "hilda", "hilda-vboard"):
        assert run("chroot", debian, name, "--help")
        assert run("chroot", debian, "sh", "-c", f"man -w {name}")
    assert "hilda" in run("chroot", debian, "id", "hilda-agent")
    run("chroot", debian, "hildad", "--check-config")
    run("chroot", debian, "hilda-agent", "--check-config")
    unit = run("chroot", debian, "systemd-analyze", "verify", "hildad.service", "hilda-agent.service", code=None)
    assert "hilda" not in unit


@pytest.fixture(scope="module")
def booted(debian):
    need("systemd-nspawn")
    log = open(BUILD / "deb/boot.log", "wb")
    (debian / "etc/systemd/system/multi-user.target.wants").mkdir(parents=True, exist_ok=True)
    for unit in ("hildad", "hilda-agent"):
        run("chroot", debian, "systemctl", "enable", unit)
    machine = subprocess.Popen(["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--private-network",
                                "--machine=hilda-check", "-D", str(debian)], stdin=subprocess.DEVNULL, stdout=log,
                               stderr=subprocess.STDOUT, start_new_session=True)

    def leader():
        for path in pathlib.Path(f"/proc/{machine.pid}/task/{machine.pid}/children").read_text().split():
            return int(path)

    class Inside:
        def run(self, *words, code=0):
            return run("nsenter", "-t", leader(), "-a", "--", *words, code=code)

    deadline = time.monotonic() + 90
    inside = Inside()
    while time.monotonic() < deadline and machine.poll() is None:
        if leader() and inside.run("systemctl", "is-system-running", code=None).strip() in ("running", "degraded"):
            break
        time.sleep(0.5)
    else:
        said = (BUILD / "deb/boot.log").read_text(errors="replace")[-1500:]
        machine.kill()
        pytest.skip(f"systemd does not boot below systemd-nspawn here: {said}")
    yield inside
    inside.run("systemctl", "poweroff", code=None)
    try:
        machine.wait(60)
    except subprocess.TimeoutExpired:
        machine.kill()


@pytest.mark.parametrize("unit", ["hildad", "hilda-agent"])
def test_services_live_below_their_sandboxes(booted, unit):
    state = booted.run("systemctl", "show", unit, "-p", "ActiveState,SubState,NRestarts,StatusText,User")
    assert "ActiveState=active" in state and "SubState=running" in state and "NRestarts=0" in state, \
        booted.run("journalctl", "-u", unit, "--no-pager", code=None)


def test_a_job_goes_through_the_installed_services(booted, debian):
    """An exec board below the agent's sandbox; then all of it ends as asked."""
    with open(debian / "etc/hilda/agent.ini", "a") as config:
        config.write("[board host-1]\ntype = host\nexec = local\n")
    booted.run("systemctl", "reload", "hilda-agent")
    (debian / "tmp-job.json").write_text(
        '{"name": "first", "board": {"type": "host"}, "protocol": "lines",'
        ' "lines": {"patterns": [{"metric": "latency_us", "unit": "us", "regex": "latency: ([0-9.]+)"}]}}')
    (debian / "tmp-image").write_text("#!/bin/sh\necho latency: 1.5\n")
    said = booted.run("hilda", "submit", "/tmp-job.json", "--image", "/tmp-image", "--watch")
    assert "passed" in said, said
    token = booted.run("hildad", "token", "create", "--name", "ada", "--scopes", "read")
    assert token.startswith("hilda_")
    for unit in ("hilda-agent", "hildad"):
        booted.run("systemctl", "restart", unit)
        booted.run("systemctl", "stop", unit)
        assert "Result=success" in booted.run("systemctl", "show", unit, "-p", "Result")


def test_removing_leaves_what_was_measured(booted, debian):
    booted.run("dpkg", "--purge", "hilda-server", "hilda-agent", "hilda")
    assert (debian / "var/lib/hilda/hilda.db").exists()
    assert not (debian / "etc/hilda/hildad.ini").exists()
