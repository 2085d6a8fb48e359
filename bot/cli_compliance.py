"""`plecho compliance`: what counsel or an auditor is given."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.keys import open_keyring
from bot.resources import open_resources
from bot.settings import Settings, read_settings

compliance = typer.Typer(help="The records that the law may ask for.", no_args_is_help=True)

DAY = "%Y-%m-%d"


@compliance.callback()
def _group() -> None:
    """The records that the law may ask for."""


@compliance.command(name="export")
def export(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
    to: Annotated[str, typer.Option(help="The reader's age recipient, `age1...`: nobody else can open the file.")],
    since: Annotated[datetime, typer.Option(formats=[DAY], help="The first day.")],
    until: Annotated[datetime | None, typer.Option(formats=[DAY], help="The last day; by default today.")] = None,
) -> None:
    """Write payments, decisions about possible matches and list versions of some days, sealed for one reader.

    JSON inside (docs/COMPLIANCE.md says what). No case and no person who was helped is in it. The reader opens it
    with `age --decrypt`. Each export is in the log of acts.
    """
    last = until or datetime.now(UTC)
    typer.echo(asyncio.run(_export(read_settings(), file, to, since, last)))


async def _export(settings: Settings, file: Path, to: str, since: datetime, until: datetime) -> str:
    from bot.compliance import export as write  # noqa: PLC0415 - the cryptography; no other command needs it

    async with open_resources(settings, open_keyring(settings)) as resources:
        return await write(resources, file, to, since.date(), until.date())
