"""`plecho`: the operator's command line. Each command says what it does under `--help`.

What goes wrong is one line and exit code 1, never a traceback; a traceback may show what must not be shown. The
operator can start, stop, mend and invite; nothing here reads a case.
"""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar

import structlog
import typer

from bot.alone import held
from bot.backup import finish_restore, make_backup, unpack_backup
from bot.cli_chain import chain
from bot.cli_compliance import compliance
from bot.cli_keys import keys
from bot.cli_money import reconcile, vouchers
from bot.cli_sanctions import sanctions
from bot.doctor import Finding, examine, quick, username
from bot.ending import ended_by_signals
from bot.keys import open_keyring
from bot.operations import (
    add_money,
    check_audit,
    cut_off_again,
    doubt_payments,
    erase_due,
    make_invitation,
    sweep_shredded,
    take_money,
    top_up,
)
from bot.problems import Problem
from bot.resources import make_directories, open_resources
from bot.settings import Settings, read_settings
from migrations.schema import head
from models.errors import Refused
from models.volunteer import Role
from payments.funding import Why
from services.restoring import CutOff, Doubts
from texts.catalogue import FALLBACK, load
from vault.errors import VaultError
from vault.logs import configure_logs

T = TypeVar("T")
PartName = Literal["receiver", "worker", "sender", "clock", "web"]
"""The names of `bot.app.Part`."""

DemoLanguage = Literal["en", "ru"]

PRIVATE_UMASK = 0o077
LASTING = frozenset({"run", "demo"})
"""Commands that end in an order of their own."""

cli = typer.Typer(
    name="plecho",
    help="A confidential microgrant fund inside Telegram. Settings come from the environment; see README.md.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
fund = typer.Typer(help="The fund's money.", no_args_is_help=True)
audit = typer.Typer(help="The log of acts.", no_args_is_help=True)
cli.add_typer(keys, name="keys")
cli.add_typer(fund, name="fund")
cli.add_typer(audit, name="audit")
cli.add_typer(sanctions, name="sanctions")
cli.add_typer(compliance, name="compliance")
cli.add_typer(chain, name="chain")
cli.add_typer(vouchers, name="vouchers")
cli.command()(reconcile)


def main() -> None:
    """Run one command."""
    os.umask(PRIVATE_UMASK)
    _configure_logs()
    try:
        cli()
    except Problem as problem:
        _stop(str(problem))
    except Refused as refused:
        _stop(load().render(refused.text_key, FALLBACK, **refused.params))
    except VaultError as error:
        _stop(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the last resort: typer would print a traceback with its values
        structlog.get_logger().critical("uncaught_error", exc_info=error)
        _stop("a fault of the program; the line above names its type and place")


@cli.callback()
def begin(context: typer.Context) -> None:
    """See to it that a short command which a signal ends leaves nothing half-written."""
    if context.invoked_subcommand not in LASTING:
        context.with_resource(ended_by_signals())


@cli.command()
def run(
    only: Annotated[
        PartName | None,
        typer.Option(
            help="Run one part, beside processes with the others; needs PostgreSQL and `plecho migrate`."
        ),
    ] = None,
) -> None:
    """Run the bot on Telegram until it is told to end (SIGTERM, SIGINT)."""
    settings = read_settings()
    token, keyring = settings.token, open_keyring(settings)
    gc.disable()  # nothing that an import makes is garbage, and looking for some takes a fifth of the time
    from bot.serve import serve  # noqa: PLC0415 - both Telegram libraries take seconds; no other command needs them

    gc.enable()
    _do(serve(settings, token, keyring, only))


@cli.command()
def demo(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the chat page on 127.0.0.1; 0: any.")
    ] = 8090,
    language: Annotated[DemoLanguage, typer.Option(help="What the people of the page speak.")] = "en",
    *,
    play: Annotated[bool, typer.Option("--play", help="Play a whole story on the page, with captions.")] = False,
    pause: Annotated[float, typer.Option(min=0, help="Seconds for reading a caption.")] = 6,
) -> None:
    """Run the bot on a local stand-in for Telegram, with a chat page on which all roles can be played.

    Needs no setting and no network, and keeps nothing.
    """
    from bot.demo import demonstrate  # noqa: PLC0415 - as in `run`

    _do(demonstrate(read_settings(), port, language, typer.echo, pause if play else None))


@cli.command()
def migrate() -> None:
    """Bring the database to the schema of this program. Safe to repeat; `run` does it by itself in one process."""
    _do(_migrate(read_settings()))
    typer.echo(f"The database is at schema {head()}.")


@cli.command()
def invite(
    role: Annotated[Role, typer.Argument(help="What the bearer of the link is to be.")],
) -> None:
    """Print a link that brings one volunteer in.

    It works once and expires soon (policy: panel.invitation_minutes). Send it to one person by a safe way.

    The first two coordinators are confirmed by it; everybody else waits for a coordinator to confirm them.
    """
    typer.echo(_do(_invite(read_settings(), role)))


@cli.command()
def doctor(
    *,
    only_health: Annotated[
        bool, typer.Option("--quick", help="Only ask the running process for its health, as a container does.")
    ] = False,
) -> None:
    """Check the installation and say how to mend what is wrong. Exit code 1 when anything is."""
    settings = read_settings()
    findings = [_do(quick(settings))] if only_health else _do(_examine(settings))
    for finding in findings:
        typer.echo(f"{'ok   ' if finding.well else 'WRONG'}  {finding.what}: {finding.detail}")
        if not finding.well:
            typer.echo(f"       mend: {finding.mend}")
    raise typer.Exit(0 if all(finding.well for finding in findings) else 1)


@cli.command()
def backup(
    target: Annotated[Path | None, typer.Argument(help="File to write; by default one named by the time.")] = None,
) -> None:
    """Write data and attachments into one sealed file, beside the running bot.

    It opens only with the keyring. Neither the keyring nor the key grants (PLECHO_KEYS_URL) are in it: copy those
    separately, and keep no old copy of the key grants, or what was erased could be read again.
    """
    settings = read_settings()
    path = target or Path(f"plecho-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.backup")
    make_directories(settings)
    size = _do(make_backup(settings, open_keyring(settings), path))
    typer.echo(f"{path}: {size} bytes")


@cli.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A file that `plecho backup` wrote.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace data that is there.")] = False,
) -> None:
    """Put a backup back. Stop every process of Plecho first.

    Cases that were erased since the backup do not come back: their rows are removed again. Nobody comes back who
    was cut off since. Payments made since are not in it: each payout that waits is marked, so that whoever takes
    it looks first whether it was paid.
    """
    swept, ended, doubts = _do(_restore(read_settings(), source, force=force))
    typer.echo(f"Restored. Erased since the backup and removed again: {swept}.")
    typer.echo(f"Cut off since: {ended.volunteers} volunteers, and the old accounts of {ended.cases} requests.")
    typer.echo(
        "May have been paid since, so the desk asks to look first: "
        f"{doubts.payouts} payouts, and the next payout of {doubts.requests} more requests."
    )
    if doubts.codes:
        typer.echo(
            f"May have been given since, so nobody gets them: {doubts.codes} codes. Ask their seller, then "
            "`plecho vouchers write-off --doubted` each kind, or `plecho vouchers trust` it."
        )


@cli.command(name="erase-due")
def erase_due_now() -> None:
    """Do all erasing that is due now: drafts, messages, closed cases. The running bot does it by itself."""
    typer.echo(f"Erased: {_do(_erase_due(read_settings()))}.")


@fund.command(name="add")
def fund_add(
    amount: Annotated[str, typer.Argument(help="For example 150000 or 150000,50.")],
    currency: Annotated[str | None, typer.Argument(help="By default the policy's currency.")] = None,
    reference: Annotated[
        str | None, typer.Option(help="What names this payment; the same one twice counts once.")
    ] = None,
) -> None:
    """Put money into the fund's books, once it is really there."""
    typer.echo(_do(_fund_add(read_settings(), amount, currency, reference)))


@fund.command(name="take")
def fund_take(
    amount: Annotated[str, typer.Argument(help="In the policy's currency, for example 350 or 350,50.")],
    why: Annotated[Why, typer.Option("--as", help="What it was: a bank's fee, a loss, or entered by mistake.")],
    reference: Annotated[str | None, typer.Option(help="What names this; the same one twice counts once.")] = None,
) -> None:
    """Take cash out of the books that has left without a grant, or was never there, by a new entry."""
    typer.echo(_do(_fund_take(read_settings(), amount, why, reference)))


@fund.command(name="top-up")
def fund_top_up(
    left: Annotated[str, typer.Argument(help="What left the fund's bank, in the policy's currency.")],
    arrived: Annotated[str, typer.Argument(help="What arrived on the account at Stripe.")],
    currency: Annotated[str, typer.Argument(help="The currency of that account.")],
    reference: Annotated[str | None, typer.Option(help="What names this; the same one twice counts once.")] = None,
) -> None:
    """Enter that cash was sent to the account at Stripe, once it is there."""
    typer.echo(_do(_fund_top_up(read_settings(), left, arrived, currency, reference)))


@audit.command(name="verify")
def audit_verify() -> None:
    """Check the whole log of acts: find altered, missing or reordered entries. Exit code 1 when there are any."""
    lines, whole = _do(_audit_verify(read_settings()))
    for line in lines:
        typer.echo(line)
    raise typer.Exit(0 if whole else 1)


async def _migrate(settings: Settings) -> None:
    async with open_resources(settings, open_keyring(settings), migrate=True):
        pass


async def _invite(settings: Settings, role: Role) -> str:
    name = await username(settings)
    async with open_resources(settings, open_keyring(settings)) as resources:
        return await make_invitation(resources, role, name)


async def _examine(settings: Settings) -> list[Finding]:
    return [finding async for finding in examine(settings)]


async def _restore(settings: Settings, source: Path, *, force: bool) -> tuple[int, CutOff, Doubts]:
    keyring = open_keyring(settings)
    with held(settings, alone=True):
        await unpack_backup(settings, keyring, source, force=force)
        async with open_resources(settings, keyring, migrate=True, restoring=True) as resources:
            done = await sweep_shredded(resources), await cut_off_again(resources), await doubt_payments(resources)
        await finish_restore(settings)
        return done


async def _erase_due(settings: Settings) -> int:
    async with open_resources(settings, open_keyring(settings)) as resources:
        return await erase_due(resources)


async def _fund_add(settings: Settings, amount: str, currency: str | None, reference: str | None) -> str:
    async with open_resources(settings, open_keyring(settings)) as resources:
        return await add_money(resources, amount, currency, reference)


async def _fund_take(settings: Settings, amount: str, why: Why, reference: str | None) -> str:
    async with open_resources(settings, open_keyring(settings)) as resources:
        return await take_money(resources, amount, why, reference)


async def _fund_top_up(settings: Settings, left: str, arrived: str, currency: str, reference: str | None) -> str:
    async with open_resources(settings, open_keyring(settings)) as resources:
        return await top_up(resources, left, arrived, currency, reference)


async def _audit_verify(settings: Settings) -> tuple[list[str], bool]:
    async with open_resources(settings, open_keyring(settings)) as resources:
        return await check_audit(resources)


def _configure_logs() -> None:
    """Our own events; of libraries only what an operator can act on."""
    configure_logs(sys.stderr)
    logging.root.setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # warns of a tick left out while one is at work
    logging.getLogger("telegram.ext").setLevel(logging.CRITICAL)  # tells of flood control, which the sender obeys


def _do(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _stop(line: str) -> NoReturn:
    typer.echo(f"plecho: {' '.join(line.split())}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
