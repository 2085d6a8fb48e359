"""Directories of demos and backups: each is its process's own, and none outlives it for long."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.alone import STAGING, held, passing, sweep_left
from bot.problems import Problem
from bot.settings import Settings

HOLD = """
import sys
from pathlib import Path
from bot.alone import passing

with passing(Path(sys.argv[1]), "demo") as folder:
    (folder / "plecho.db").write_text("what somebody tried out")
    print(folder.name, flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(within: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process with a directory."""
    program = [sys.executable, "-c", HOLD, str(within)]
    with subprocess.Popen(  # noqa: S603 - our own program
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, within / process.stdout.readline().strip()
        finally:
            process.kill()


def test_a_directory_goes_at_the_end(tmp_path: Path) -> None:
    """Nothing that was tried out is kept."""
    with passing(tmp_path, "demo") as folder:
        (folder / "keys.db").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["demo.lock"]


def test_what_a_killed_process_left_goes_with_the_next_start(tmp_path: Path) -> None:
    """SIGKILL leaves a directory behind; the next demo keeps that of one that lives, and no other."""
    with holder(tmp_path) as (killed, left), holder(tmp_path) as (_, lives):
        killed.kill()
        killed.wait()
        assert (left / "plecho.db").exists()
        with passing(tmp_path, "demo") as own:
            assert {path for path in tmp_path.iterdir() if path.is_dir()} == {lives, own}
            assert (lives / "plecho.db").exists()


def test_a_start_sweeps_what_commands_have_left(tmp_path: Path) -> None:
    """Half a backup and half a keyring of killed commands are gone once the fund starts; one at work goes on."""
    settings = Settings(data_dir=tmp_path)
    settings.files.mkdir()
    left = [
        tmp_path / ".backup-killed",
        *(folder / f".x.{'0f' * 8}.partial" for folder in (tmp_path, settings.files)),
    ]
    left[0].mkdir()
    for path in (left[0] / "keys.db", *left[1:]):
        path.write_bytes(b"half")
    with passing(tmp_path, STAGING) as working:
        left[0].mkdir(exist_ok=True)
        with held(settings):
            assert [path for path in left if path.exists()] == []
            assert working.exists()


def test_what_cannot_be_removed_stops_the_start(tmp_path: Path) -> None:
    """Nobody goes on in the belief that an old half of something secret is gone."""
    (tmp_path / f".x.{'0f' * 8}.partial").mkdir()
    with pytest.raises(Problem, match="cannot be removed"):
        sweep_left(Settings(data_dir=tmp_path))
