"""`make run` as people type it: what it starts, with a token and without."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

ECHO = '#!/bin/sh\necho "plecho $*"\n'


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A tree in which everything is installed already; its `plecho` says what it was asked for."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements/base.txt", "pyproject.toml", ".venv/bin/python", ".venv/bin/plecho"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(ECHO)
        (tmp_path / name).chmod(0o700)
    (tmp_path / ".venv/base.stamp").touch()
    return tmp_path


def run(folder: Path, token: str = "") -> list[str]:
    """The lines that `make run` prints, also when make itself runs the tests."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", "run"],  # noqa: S607 - the user's own
        cwd=folder, env=own | {"PLECHO_BOT_TOKEN": token}, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip


@pytest.mark.parametrize(("token", "started"), [("", "demo"), ("123:abc", "run")])
def test_run_starts_the_bot_or_the_demo(installed: Path, token: str, started: str) -> None:
    """Without a token a newcomer gets the demo; with one, never: it would answer nobody."""
    assert run(installed, token) == [f"plecho {started}"]


def test_a_changed_lock_is_installed_anew(installed: Path) -> None:
    """After an update `make run` installs what is locked now before it starts anything."""
    stamp = installed / ".venv/base.stamp"
    os.utime(stamp, (0, 0))
    lines = run(installed)
    assert "--require-hashes --only-binary :all:" in lines[1]
    assert lines[-1] == "plecho demo"
    assert stamp.stat().st_mtime > 0
