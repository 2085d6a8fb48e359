"""`plecho keys`: the keyring and its passphrase, and the copy of the key grants."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot.backup import copy_grants
from bot.keys import change_passphrase, finish, new_keyring, printed_keyring, rotate
from bot.resources import make_directories
from bot.settings import read_settings

keys = typer.Typer(help="The keyring: make it, rotate its keys, change its passphrase.", no_args_is_help=True)


@keys.command(name="new")
def keys_new(
    *,
    show: Annotated[
        bool, typer.Option("--print", help="Print it, sealed, for PLECHO_KEYRING, and write no file.")
    ] = False,
) -> None:
    """Make the keyring, sealed with a passphrase (PLECHO_KEYRING_PASSPHRASE, or asked for)."""
    settings = read_settings()
    typer.echo(printed_keyring(settings) if show else new_keyring(settings))


@keys.command(name="rotate")
def keys_rotate(
    *,
    last: Annotated[
        bool, typer.Option("--finish", help="Second step, once every process knows the new keys.")
    ] = False,
) -> None:
    """Rotate the keys in two steps: add new ones, restart every process, then wrap everything under them.

    The passphrase stays: when that may have been seen, change it first (`plecho keys passphrase`).
    """
    settings = read_settings()
    typer.echo(asyncio.run(finish(settings)) if last else rotate(settings))


@keys.command(name="passphrase")
def keys_passphrase() -> None:
    """Seal the keyring with a new passphrase, which is asked for at the terminal.

    The old one is PLECHO_KEYRING_PASSPHRASE, or asked for too. It still opens every copy of the keyring that was
    made before: replace those, and when somebody may have one, rotate the keys as well.
    """
    typer.echo(change_passphrase(read_settings()))


@keys.command(name="copy")
def keys_copy(
    target: Annotated[Path, typer.Argument(help="File to write, over the last copy.")],
) -> None:
    """Copy the key grants, beside the running bot, over the last copy.

    Keep one copy only, and never beside a backup: with an older one, what was erased could be read again.
    """
    settings = read_settings()
    make_directories(settings)
    copy_grants(settings, target)
    typer.echo(f"{target}: copied")
