"""`plecho sanctions`: the lists that payments are screened against."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot.keys import open_keyring
from bot.resources import open_resources
from bot.settings import Settings, read_settings

sanctions = typer.Typer(help="The sanctions lists that payments are screened against.", no_args_is_help=True)


@sanctions.callback()
def _group() -> None:
    """The sanctions lists that payments are screened against."""


@sanctions.command(name="load")
def load_sanctions(
    file: Annotated[
        Path,
        typer.Argument(help="sdn_advanced.xml of OFAC or xmlFullSanctionsList 1.1 of the EU; or a zip of it."),
    ],
    *,
    fewer: Annotated[
        bool, typer.Option("--fewer", help="Let it be loaded though it has less than half as many entries.")
    ] = False,
) -> None:
    """Load a sanctions list beside the running bot, in place of the one in use.

    Get the file from its publisher. The same file again counts as a fresh look. A file that is cut off, malformed,
    of another kind, or older than the list in use is refused, and the list in use stays.
    """
    typer.echo(asyncio.run(_load(read_settings(), file, fewer=fewer)))


async def _load(settings: Settings, file: Path, *, fewer: bool) -> str:
    from bot.sanctions import load_list, xml_size  # noqa: PLC0415 - the XML library; no other command needs it

    async with open_resources(settings, open_keyring(settings)) as resources:
        with typer.progressbar(length=max(xml_size(file), 1), label=file.name) as bar:
            return await load_list(resources, file, fewer=fewer, progress=bar.update)
