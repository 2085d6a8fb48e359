"""The container image, as far as it can be checked without a Docker engine, and the locks it is built from."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.app import PATIENCE, Part

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
STEPS = [line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]
PINNED = re.compile(r"[\w./-]+:\d+(\.\d+)+-[\w-]+")


def steps(kind: str) -> list[str]:
    """What follows each instruction of a kind."""
    return [rest for name, rest in STEPS if name == kind]


def packages() -> set[str]:
    """The project's top-level packages."""
    included = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: dict[str, Any] = included["tool"]["setuptools"]["packages"]["find"]
    return {name.rstrip("*") for name in found["include"]}


def compose() -> dict[str, Any]:
    """compose.yaml, read."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return read


def test_images_are_pinned_by_version() -> None:
    """What is built today is built from the same images tomorrow."""
    images = [step.split()[0] for step in steps("FROM")] + [compose()["services"]["db"]["image"]]
    assert images
    for image in images:
        assert PINNED.fullmatch(image), image


def test_every_package_is_copied() -> None:
    """A new package is not forgotten in the image, nor let out by .dockerignore."""
    copied = {step.split()[0] for step in steps("COPY")}
    assert packages() <= copied
    let_in = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
    assert packages() | {"requirements", "pyproject.toml", "README.md"} == let_in


def test_packages_come_locked() -> None:
    """Nothing is installed in the image without a hash, and nothing is compiled."""
    installs = [step for step in steps("RUN") if " pip " in step]
    locked = [step for step in installs if "--require-hashes" in step and "--only-binary :all:" in step]
    own = [step for step in installs if "--no-index" in step and "--no-deps" in step]
    assert len(locked) == len(own) == 1
    assert len(installs) == len(locked) + len(own)
    assert "requirements/base.txt" in locked[0]


def test_it_runs_without_rights() -> None:
    """The process is no root, its file system is read-only, and no port is open to the outside."""
    assert steps("USER") == ["plecho"]
    assert "doctor" in steps("HEALTHCHECK")[0]
    assert not steps("EXPOSE")
    service = compose()["services"]["plecho"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all("ports" not in each for each in compose()["services"].values())


def test_the_dump_is_as_old_as_the_server() -> None:
    """pg_dump refuses a newer server, and an older one cannot read its dump back."""
    [client] = re.findall(r"postgresql-client-(\d+)", " ".join(steps("RUN")))
    assert compose()["services"]["db"]["image"].startswith(f"postgres:{client}.")


def test_the_end_is_waited_for() -> None:
    """The engine gives each part of the process the time that it takes to finish what is under way."""
    [seconds] = re.findall(r"^(\d+)s$", compose()["services"]["plecho"]["stop_grace_period"])
    assert int(seconds) > len(Part) * PATIENCE


def test_backups_have_a_place_outside() -> None:
    """Where the README's commands for a container write is mounted; keys, backups and data lie apart."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    places = re.findall(r"plecho (?:backup|keys copy|restore) (/mnt/\w+)/", readme.partition("## With Docker")[2])
    mounts = dict(volume.split(":")[::-1] for volume in compose()["services"]["plecho"]["volumes"])
    assert set(places) == {"/mnt/backup", "/mnt/keys"} == set(mounts) - {"/var/lib/plecho"}
    assert len(set(mounts.values())) == len(mounts)


def test_secrets_have_the_names_of_settings() -> None:
    """Each secret of compose.yaml that the bot gets is a setting, so that the bot finds it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in compose()["services"]["plecho"]["secrets"]:
        assert f"| `{name.upper()}` |" in readme


def test_the_installed_program_is_whole(tmp_path: Path) -> None:
    """The image's own RUN step installs every module, text, revision, policy and page; it starts alone."""
    [step] = [step for step in steps("RUN") if "--no-index" in step]
    source, target = tmp_path / "source", tmp_path / "target"
    copy_source(source)
    arguments = shlex.split(step)[1:]  # the step's own pip, of this interpreter, into a directory
    command = [sys.executable, *arguments[:-1], "--quiet", "--target", str(target), "."]
    subprocess.run(command, cwd=source, check=True, timeout=100)  # noqa: S603 - our own Dockerfile
    wanted = {
        path.relative_to(source) for name in packages() for path in (source / name).rglob("*") if path.is_file()
    }
    assert wanted == {path for path in wanted if (target / path).is_file()}
    health = shlex.split(" ".join(json.loads(steps("HEALTHCHECK")[0].partition("CMD ")[2])[1:]))
    program = [str(target / "bin" / "plecho"), *health, "--help"]
    alone = {"PYTHONPATH": str(target), "PLECHO_DATA_DIR": str(tmp_path), "COLUMNS": "200"}
    ran = subprocess.run(program, cwd=tmp_path, env=alone, check=True, capture_output=True, text=True)  # noqa: S603 - our own Dockerfile
    assert health[-1] in ran.stdout


def copy_source(target: Path) -> None:
    """Copy what the image's build copies."""
    for name in {*packages(), "requirements", "pyproject.toml", "README.md"}:
        for path in [ROOT / name] if (ROOT / name).is_file() else sorted((ROOT / name).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and ".egg-info" not in str(path):
                copy = target / path.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())


@pytest.mark.parametrize("name", ["base.txt", "dev.txt"])
def test_locks_are_whole(name: str) -> None:
    """Every line of a lock is pinned and hashed, and no lock names an address of an index."""
    lock = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert "://" not in lock
    entries = re.findall(r"^\w.*?(?=^\w|\Z)", lock, re.MULTILINE | re.DOTALL)
    assert entries
    for entry in entries:
        assert re.match(r"[\w.-]+==\S+( ; .*?)? \\\n    --hash=sha256:[0-9a-f]{64}", entry), entry[:60]


def test_locks_agree() -> None:
    """What is tested is what runs: the tests' lock pins the same versions."""
    pins = [
        dict(
            re.findall(
                r"^([\w.-]+)==(\S+)", (ROOT / "requirements" / name).read_text(encoding="utf-8"), re.MULTILINE
            )
        )
        for name in ("base.txt", "dev.txt")
    ]
    assert pins[0].items() <= pins[1].items()
