"""`plecho vouchers` and `plecho reconcile`: what the operator does for the money that leaves."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer

from bot.keys import open_keyring
from bot.money import Rows, count_vouchers, load_vouchers, reconcile_now, trust_vouchers, write_off_vouchers
from bot.rails import partner_rail
from bot.resources import open_resources
from bot.settings import Settings, read_settings
from models.voucher import VoucherKind

vouchers = typer.Typer(help="Codes that pay for something.", no_args_is_help=True)


@vouchers.command(name="load")
def vouchers_load(
    file: Annotated[Path, typer.Argument(help="CSV with a code in the first column of each row.")],
    kind: Annotated[VoucherKind, typer.Option(help="What the codes are good for.")],
    amount: Annotated[str, typer.Option(help="What each is worth, for example 500.")],
    currency: Annotated[str | None, typer.Option(help="By default the policy's currency.")] = None,
    *,
    given: Annotated[
        bool, typer.Option("--given", help="The codes were given to the fund, not bought with its money.")
    ] = False,
) -> None:
    """Load codes into the stock, sealed. With one bad row nothing is loaded, and each bad line is named."""
    lines, whole = asyncio.run(_load(read_settings(), Rows(file, kind, amount, currency, given=given)))
    for line in lines:
        typer.echo(line)
    raise typer.Exit(0 if whole else 1)


@vouchers.command(name="write-off")
def vouchers_write_off(
    kind: Annotated[VoucherKind, typer.Option(help="What the codes are good for.")],
    *,
    doubted: Annotated[
        bool,
        typer.Option("--doubted", help="Only those that a restore has put in doubt, not what was loaded since."),
    ] = False,
) -> None:
    """Take all codes of a kind out of the stock and the books: expired, or in doubt after a restore.

    Codes set aside or given stay. What was written off may be loaded again.
    """
    typer.echo(asyncio.run(_write_off(read_settings(), kind, doubted_only=doubted)))


@vouchers.command(name="trust")
def vouchers_trust(
    kind: Annotated[VoucherKind, typer.Option(help="What the codes are good for.")],
) -> None:
    """Put all codes of a kind that a restore has put in doubt back into the stock: none was given since.

    A code that was given all the same is given twice: ask their seller first.
    """
    typer.echo(asyncio.run(_trust(read_settings(), kind)))


@vouchers.command(name="count")
def vouchers_count() -> None:
    """Say how many codes of each kind and worth are in stock, in doubt after a restore, set aside and given."""
    for line in asyncio.run(_count(read_settings())):
        typer.echo(line)


def reconcile(
    *,
    days: Annotated[
        int, typer.Option(min=0, max=366, help="Ask the providers about payments that ended within so many days.")
    ] = 7,
) -> None:
    """Finish what a crash left open, then compare books, payouts, codes and providers.

    Prints what was mended and each difference on a line; exit code 1 when there are any, or when a provider does
    not answer. What is not safe to mend is left alone.
    """
    lines, whole = asyncio.run(_reconcile(read_settings(), days))
    for line in lines:
        typer.echo(line)
    raise typer.Exit(0 if whole else 1)


async def _load(settings: Settings, rows: Rows) -> tuple[list[str], bool]:
    async with open_resources(settings, open_keyring(settings)) as resources:
        return await load_vouchers(resources, rows)


async def _write_off(settings: Settings, kind: VoucherKind, *, doubted_only: bool) -> str:
    async with open_resources(settings, open_keyring(settings)) as resources:
        return await write_off_vouchers(resources, kind, doubted_only=doubted_only)


async def _trust(settings: Settings, kind: VoucherKind) -> str:
    async with open_resources(settings, open_keyring(settings)) as resources:
        return await trust_vouchers(resources, kind)


async def _count(settings: Settings) -> list[str]:
    async with open_resources(settings, open_keyring(settings)) as resources:
        return await count_vouchers(resources)


async def _reconcile(settings: Settings, days: int) -> tuple[list[str], bool]:
    from bot.gifts import mend_gifts  # noqa: PLC0415 - aiogram takes a second, and nothing else here needs it

    async with (
        open_resources(settings, open_keyring(settings)) as resources,
        AsyncExitStack() as stack,
    ):
        if settings.stripe is not None:
            from payments.stripe_gateway import StripeGateway  # noqa: PLC0415 - stripe-python takes half a second

            gateway = StripeGateway(settings.stripe.key, settings.stripe.api_url)
            stack.push_async_callback(gateway.close)
            rail = partner_rail(gateway, resources.policy)
            resources.rails = {**resources.rails, rail.name: rail}
        return await reconcile_now(resources, days, await mend_gifts(settings, resources, days))
