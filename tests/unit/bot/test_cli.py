"""The command line: what each command prints, its exit code, and that errors are one line."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from bot.app import Part
from bot.cli import PartName, cli
from bot.keys import new_keyring
from bot.settings import read_settings
from tests.forked import plecho
from tests.unit.payments.screening.published import Sdn, person, write
from vault.passwords import Argon2Cost

ROOT = Path(__file__).parents[3]
PASSPHRASE = "a passphrase for tests"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cheap_argon2: Argon2Cost) -> dict[str, str]:
    """The environment of an installation with keyring and database."""
    for name in list(os.environ):
        if name.startswith("PLECHO_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PLECHO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PLECHO_KEYRING_PASSPHRASE", PASSPHRASE)
    new_keyring(read_settings(), cost=cheap_argon2)
    assert CliRunner().invoke(cli, ["migrate"]).exit_code == 0
    return dict(os.environ)


def commands(group: TyperGroup, *above: str) -> Iterator[tuple[str, Any]]:
    """Every command there is, by its words."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, *above, name)
        else:
            yield " ".join((*above, name)), command


COMMANDS = dict(commands(typer.main.get_group(cli)))


def test_the_readme_tells_of_every_command() -> None:
    """Whoever reads on finds each command by name."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = readme.partition("each explains itself: ")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"`([a-z -]+)`", told)) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    """`--help` of each command says what it does and describes each argument and option."""
    result = CliRunner().invoke(cli, [*command.split(), "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert result.exit_code == 0
    shown = " ".join(re.sub(r"[│╭╰─╮╯]", " ", result.output).split())
    found = COMMANDS[command]
    for text in (found.help, *(getattr(param, "help", None) for param in found.params)):
        assert text
        assert " ".join(text.split()) in shown


def test_parts_are_those_of_the_process() -> None:
    """`run --only` knows every part that there is."""
    assert list(PartName.__args__) == [part.value for part in Part]  # type: ignore[attr-defined] # a Literal's


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run",), "PLECHO_BOT_TOKEN: is not set"),
        (("invite", "reviewer"), "PLECHO_BOT_TOKEN: is not set"),
        (("fund", "add", "much"), "number"),
        (("fund", "add", "10", "USD"), "RUB"),
        (("restore", "missing.backup", "--force"), "cannot be read"),
        (("keys", "new"), "already"),
        (("keys", "rotate", "--finish"), "no rotation to finish"),
        (("keys", "passphrase"), "start at a terminal"),
        (("chain", "show"), "has no section [stablecoin]"),
    ],
)
def test_an_error_is_one_line(environment: dict[str, str], arguments: tuple[str, ...], said: str) -> None:
    """What goes wrong is one line on the error stream and exit code 1: no traceback, no secret."""
    result = plecho(environment, *arguments)
    assert result.returncode == 1
    assert result.stderr.startswith("plecho: ")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert PASSPHRASE not in result.stdout + result.stderr


def test_money_and_audit(environment: dict[str, str]) -> None:
    """Money entered at the command line is in the log of acts, the same reference once, and the log is whole."""
    for _ in range(2):
        assert "1,000.50" in plecho(environment, "fund", "add", "1000,50", "--reference", "bank-1").stdout
    result = plecho(environment, "audit", "verify")
    assert result.returncode == 0
    assert result.stdout.startswith("1 entries")
    assert "The log is whole." in result.stdout
    assert "Taken out: 350" in plecho(environment, "fund", "take", "350", "--as", "cost").stdout
    assert "5\xa0€ arrived" in plecho(environment, "fund", "top-up", "500", "5", "eur").stdout
    short = plecho(environment, "fund", "take", "1000", "--as", "loss")
    assert (short.returncode, short.stdout) == (1, "")
    assert plecho(environment, "reconcile").stdout == "Everything agrees.\n"


def test_backup_and_restore(environment: dict[str, str], tmp_path: Path) -> None:
    """A backup made at the command line restores into an empty installation."""
    plecho(environment, "fund", "add", "1000")
    archive = str(tmp_path / "a.backup")
    assert plecho(environment, "backup", archive).returncode == 0
    (tmp_path / "data" / "plecho.db").unlink()
    result = plecho(environment, "restore", archive)
    assert (result.returncode, result.stderr) == (0, "")
    assert "the desk asks to look first: 0 payouts" in result.stdout
    assert plecho(environment, "audit", "verify").stdout.startswith("3 entries")
    assert "--force" in plecho(environment, "restore", archive).stderr


def test_files_are_private(environment: dict[str, str], tmp_path: Path) -> None:
    """Whatever the commands write is for its owner alone."""
    plecho(environment, "backup", str(tmp_path / "a.backup"))
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in written} >= {"a.backup", "plecho.db", "keys.db", "keyring"}
    assert {path.stat().st_mode & 0o077 for path in written} == {0}


def test_vouchers_and_reconciliation(environment: dict[str, str], tmp_path: Path) -> None:
    """A bad file is refused line by line, a good one is loaded and counted, and everything agrees afterwards."""
    rows = tmp_path / "codes.csv"
    rows.write_text("code\nAAA\nAAA\n", encoding="utf-8")
    load = ("vouchers", "load", str(rows), "--kind", "mobile", "--amount", "500", "--given")
    refused = plecho(environment, *load)
    assert refused.returncode == 1
    assert refused.stdout.startswith("line 3: the code stands in the file already\nNothing was loaded.")
    rows.write_text("code\nAAA\nBBB\n", encoding="utf-8")
    loaded = plecho(environment, *load)
    assert loaded.returncode == 0
    assert loaded.stdout.startswith("Loaded 2 codes worth 1,000")
    assert "AAA" not in loaded.stdout
    assert plecho(environment, "vouchers", "count").stdout.endswith("stock: 2\n")
    assert plecho(environment, "vouchers", "trust", "--kind", "mobile").stdout == "In stock again: 0.\n"
    write_off = ("vouchers", "write-off", "--kind", "mobile")
    assert plecho(environment, *write_off, "--doubted").stdout == "Written off: 0.\n"
    agreed = plecho(environment, "reconcile")
    assert (agreed.returncode, agreed.stdout) == (0, "Everything agrees.\n")


def test_a_sanctions_list_is_loaded_or_refused(environment: dict[str, str], tmp_path: Path) -> None:
    """A list is loaded in one command; what is none is one line and exit code 1, and says what stays."""
    today = datetime.now(UTC).date()
    path = write(tmp_path / "sdn_advanced.zip", Sdn([person(1, "LAZAREV Taras")], issued=today))
    done = plecho(environment, "sanctions", "load", str(path))
    assert done.returncode == 0, done.stderr
    assert "1 entries, 1 names, 0 addresses." in done.stdout
    other = tmp_path / "page.xml"
    other.write_text("<html/>", encoding="utf-8")
    for file, said in (
        (other, "is not loaded, and the list in use stays"),
        (tmp_path / "none.xml", "cannot be read"),
    ):
        refused = plecho(environment, "sanctions", "load", str(file))
        assert refused.returncode == 1
        assert said in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
