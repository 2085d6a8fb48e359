"""`plecho chain`: the wallets of the rail `stablecoin`."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

import typer

from bot.database import Resources
from bot.keys import open_keyring
from bot.resources import open_resources
from bot.settings import read_settings

T = TypeVar("T")

chain = typer.Typer(help="The wallets of the rail `stablecoin` (docs/RUNBOOK.md).", no_args_is_help=True)
key = typer.Typer(help="Keys of hot wallets, which lie in the keyring.", no_args_is_help=True)
chain.add_typer(key, name="key")

# The operations load web3, which takes a second; no other command needs it: hence the imports inside.


@key.command(name="new")
def key_new() -> None:
    """Make a new hot wallet. Its key lies in the keyring alone; no command prints it."""
    from bot.chain import new_wallet  # noqa: PLC0415 - see above

    typer.echo(new_wallet(read_settings()))


@key.command(name="import")
def key_import() -> None:
    """Take the private key of a hot wallet, asked for at the terminal, into the keyring."""
    from bot.chain import import_wallet  # noqa: PLC0415

    typer.echo(import_wallet(read_settings()))


@chain.command(name="show")
def chain_show() -> None:
    """Show each wallet, what it holds, and what it has out, after a look at the chain."""
    from bot.chain import show  # noqa: PLC0415

    for line in _with_resources(show):
        typer.echo(line)


@chain.command(name="export")
def chain_export(
    file: Annotated[Path, typer.Argument(help="New file for the batch; it names destinations: remove it after.")],
) -> None:
    """Write everything that waits as unsigned transactions for the hardware wallet.

    Exporting again gives the same numbers to the same transfers: however many of the files are signed, each
    transfer is paid once.
    """
    from bot.chain import export_batch  # noqa: PLC0415

    typer.echo(_with_resources(lambda resources: export_batch(resources, file)))


@chain.command(name="resume")
def chain_resume() -> None:
    """Let the wallet go on once people have found out what was wrong with it (see `show`)."""
    from bot.chain import resume  # noqa: PLC0415

    typer.echo(_with_resources(resume))


@chain.command(name="cancel")
def chain_cancel(
    transfer: Annotated[UUID, typer.Argument(help="Id of the transfer, as `show` prints it.")],
) -> None:
    """Cancel a transfer that is not done. Once signed, it is a race with the payment, which the chain decides."""
    from bot.chain import cancel  # noqa: PLC0415

    typer.echo(_with_resources(lambda resources: cancel(resources, transfer)))


def _with_resources(work: Callable[[Resources], Awaitable[T]]) -> T:
    async def run() -> T:
        settings = read_settings()
        async with open_resources(settings, open_keyring(settings)) as resources:
            return await work(resources)

    return asyncio.run(run())
