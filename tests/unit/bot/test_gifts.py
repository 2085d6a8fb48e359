"""What `plecho reconcile` finds out about gifts though no event came, and what the doctor says of Stripe."""

from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlmodel import select

from bot.database import Resources
from bot.gifts import mend_gifts
from bot.money import reconcile_now
from bot.problems import SettingWrong
from bot.settings import Settings, read_settings
from bot.stripe_errands import StripeErrands
from bot.stripe_probe import fault_of_stripe
from bot.stripe_setup import StripeSetup
from models.donation import Donation, DonationStatus
from payments.ledger import EntryKind, Purpose, balance, transfer
from payments.money import STARS, Money
from payments.stripe_gateway import StripeGateway
from sandbox.clock import TravelClock
from sandbox.stripe import refunds
from sandbox.stripe.client import Bank
from sandbox.stripe.server import StripeServer
from sandbox.telegram import stars
from sandbox.telegram.client import Town
from sandbox.telegram.limits import Limits
from sandbox.telegram.server import TelegramServer
from sandbox.telegram.state import StarInvoice
from services import donate, donate_stripe
from services.donate import Way
from tests.stripe_town import bank, stripe_server

__all__ = ["bank", "stripe_server"]


@pytest.fixture
def settings(stripe_server: StripeServer) -> Settings:
    """An operator's settings with a key to Stripe, and no bot."""
    return read_settings(stripe_key=SecretStr(stripe_server.key), stripe_api_url=stripe_server.url)


async def asked_for(resources: Resources, stripe_server: StripeServer) -> tuple[UUID, str]:
    """A gift, and the page to pay it on."""
    gateway = StripeGateway(stripe_server.key, stripe_server.url)
    async with resources.unit() as unit:
        gift = await donate.begin(unit, Way.CARD, Money(1000, "EUR"), "en", None, card=True)
        order = await donate_stripe.take_page(unit, gift.id, "https://a.example/", "https://a.example/")
    assert order is not None
    url = await StripeErrands(gateway, None).open_page(resources, order)
    await gateway.close()
    return gift.id, str(url)


async def reconciled(settings: Settings, resources: Resources) -> tuple[list[str], bool]:
    """What `plecho reconcile` prints, and whether all agrees."""
    return await reconcile_now(resources, 7, await mend_gifts(settings, resources, 7))


async def test_what_no_event_told_of_is_mended_and_named(
    resources: Resources, stripe_server: StripeServer, bank: Bank, settings: Settings
) -> None:
    """A page that was paid, and a part of it that was paid back, are each found, named and entered, once."""
    gift, url = await asked_for(resources, stripe_server)
    await bank.pay(url)
    looked, agrees = "gifts looked up at Stripe: 1", "Everything agrees."
    given = [f"gift {gift}: open -> given, 2 entries made", looked, agrees]
    assert await reconciled(settings, resources) == (given, True)
    assert await reconciled(settings, resources) == ([looked, agrees], True)
    [charge] = await bank.objects("charge")
    refunds.create(stripe_server.stripe, {"charge": charge["id"], "amount": 400})
    lines, whole = await reconciled(settings, resources)
    assert (lines[0], whole) == (f"gift {gift}: given -> given, 1 entries made", True)
    async with resources.unit() as unit:
        assert (await unit.session.exec(select(Donation))).one().status is DonationStatus.GIVEN
        assert await balance(unit, Purpose.CONTRIBUTIONS, "EUR") == Money(-600, "EUR")


async def test_what_stripe_holds_otherwise_is_a_difference(
    resources: Resources, bank: Bank, settings: Settings
) -> None:
    """Money that was added there by hand is printed, and the command does not say that everything agrees."""
    await bank.top_up(500)
    lines, whole = await reconciled(settings, resources)
    assert not whole
    assert next(line for line in lines if line.startswith("account:stripe:EUR: ")).endswith("(here 0, there 500)")
    assert lines[-1] == "1 differences."


@pytest.mark.parametrize("path", ["/v1/", "/v1/payment_intents"])
async def test_a_provider_that_is_silent_is_said(
    resources: Resources, stripe_server: StripeServer, bank: Bank, settings: Settings, path: str
) -> None:
    """Whether all agrees is not known while Stripe does not answer, about everything or about one gift."""
    _, url = await asked_for(resources, stripe_server)
    await bank.pay(url)
    await bank.fault("down", path, seconds=3600)
    lines, whole = await reconciled(settings, resources)
    assert not whole
    assert lines[-1] == "Not everybody answered: ask again later."
    assert "Everything agrees." not in lines
    async with resources.unit() as unit:
        assert await balance(unit, Purpose.STRIPE, "EUR") == Money(0, "EUR")


async def test_stars_are_mended_and_compared(resources: Resources, clock: TravelClock) -> None:
    """What Telegram lists and we missed is entered; what it holds otherwise is a difference; silence is said."""
    server = TelegramServer(clock=clock, limits=Limits.unthrottled())
    async with server, Town(server.url) as town:
        settings = read_settings(bot_token=SecretStr(server.token), telegram_api_url=server.url)
        async with resources.unit() as unit:
            more, source, target = Money(7, STARS), Purpose.CONTRIBUTIONS, Purpose.STARS
            await transfer(unit, EntryKind.GIFT, "gift:7", more, source=source, target=target, actor="t")
        payer = server.telegram.world.users[(await town.person("Dora")).id]
        stars.take(server.telegram, payer, StarInvoice("Gift", "", "", 500), told=False)
        lines, whole = await reconciled(settings, resources)
        assert not whole
        assert "stars: 1 missed transactions recorded" in lines
        assert "unknown -> given, 1 entries made" in lines[0]
        assert next(line for line in lines if line.startswith("account:stars:XTR")).endswith("(here 0, there -7)")
        await town.fault("server_error", method="getStarTransactions")
        lines, whole = await reconciled(settings, resources)
        assert (lines[-1], whole) == ("Not everybody answered: ask again later.", False)


async def test_doctor_knows_a_key_that_works(stripe_server: StripeServer) -> None:
    """A right key is well; a wrong one is named in words without the key."""
    assert await fault_of_stripe(StripeSetup(stripe_server.key, stripe_server.url)) is None
    fault = await fault_of_stripe(StripeSetup("sk_test_of_somebody_else", stripe_server.url))
    assert fault is not None
    assert "sk_" not in fault


@pytest.mark.parametrize(
    "wrong",
    [
        {"stripe_key": "pk_live_publishablekeyofsomebody"},
        {"stripe_key": "short"},
        {"stripe_key": "sk_live_with spaces in it"},
        {"stripe_webhook_secret": "not a secret"},
        {"stripe_api_url": "ftp://api.example"},
        {"give_url": "give.of.ours"},
        {"give_url": "http://give.example"},
    ],
)
def test_wrong_setting_is_named_and_not_shown(wrong: dict[str, str]) -> None:
    """One line names the setting and holds nothing of its value."""
    with pytest.raises(SettingWrong) as raised:
        read_settings(**wrong)
    (name, value), said = next(iter(wrong.items())), str(raised.value)
    assert f"PLECHO_{name.upper()}" in said
    assert value not in said.replace(" ", "")


@pytest.mark.parametrize(
    "needing", [{"stripe_webhook_secret": "whsec_longenoughforasecret"}, {"give_url": "https://give.example"}]
)
def test_what_needs_a_key_is_refused_without_one(needing: dict[str, str]) -> None:
    """Events that could not be looked up, and a page that could not lead on, would be of no use."""
    with pytest.raises(SettingWrong, match="STRIPE_KEY"):
        _ = read_settings(**needing).stripe
