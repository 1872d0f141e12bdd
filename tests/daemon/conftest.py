"""Fixtures that every daemon test shares: where the programs are, how to wait, clean ends."""

import os
import pathlib
import shutil
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HILDA_BUILD", ROOT / "build")).resolve()


def program(name):
    """The path of a built program; a missing one is an error, not a skip."""
    path = BUILD / "bin" / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is not built: run make first")
    return path


def sanitized(name):
    """Whether a program is a sanitizer's build: those keep memory of their own."""
    return any(word in program(name).read_bytes() for word in (b"__asan_init", b"__tsan_init"))


def wait_for(what, seconds=10.0, every=0.01, message="it did not happen"):
    """Calls `what` until it gives something true, and returns that; fails at the deadline with the message, or what it says then.

    The longer it has waited, the seldomer it asks: a tenth of the time so far, 50 ms at most.
    """
    begun = time.monotonic()
    deadline = begun + seconds
    while True:
        value = what()
        if value:
            return value
        now = time.monotonic()
        if now > deadline:
            raise AssertionError(f"{message() if callable(message) else message} within {seconds} s")
        time.sleep(max(every, min(0.05, (now - begun) / 10)))


def pytest_collection_modifyitems(items):
    """A fresh Debian, or another machine's packages, take minutes and a mirror: `make check-deb` asks for these tests."""
    if not os.environ.get("HILDA_DEBOOTSTRAP"):
        items[:] = [item for item in items if not {"debian", "arm64"} & set(item.fixturenames)]


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def build():
    return BUILD


@pytest.fixture(scope="session")
def bin():
    return program


def need(command):
    """Skips, by name, when a command is missing."""
    if not shutil.which(command):
        pytest.skip(f"{command} is not installed")
