"""What `plecho reconcile` finds out about gifts though no event came, and what the doctor says of Stripe."""

import pytest
from pydantic import SecretStr
from sqlmodel import select

from bot.database import Resources
from bot.gifts import mend_gifts
from bot.problems import SettingWrong
from bot.settings import read_settings
from bot.stripe_errands import StripeErrands
from bot.stripe_probe import fault_of_stripe
from bot.stripe_setup import StripeSetup
from models.donation import Donation, DonationStatus
from payments.money import Money
from payments.stripe_gateway import StripeGateway
from sandbox.stripe.client import Bank
from sandbox.stripe.server import StripeServer
from services import donate, donate_stripe
from services.donate import Way
from tests.stripe_town import bank, stripe_server

__all__ = ["bank", "stripe_server"]


async def test_gift_that_no_event_told_of_is_found(
    resources: Resources, stripe_server: StripeServer, bank: Bank
) -> None:
    """A page that was paid while we heard nothing is found by looking, and once."""
    gateway = StripeGateway(stripe_server.key, stripe_server.url)
    async with resources.unit() as unit:
        gift = await donate.begin(unit, Way.CARD, Money(1000, "EUR"), "en", None, card=True)
        order = await donate_stripe.take_page(unit, gift.id, "https://a.example/", "https://a.example/")
    assert order is not None
    url = await StripeErrands(gateway, None).open_page(resources, order)
    await gateway.close()
    await bank.pay(str(url))
    settings = read_settings(stripe_key=SecretStr(stripe_server.key), stripe_api_url=stripe_server.url)
    assert await mend_gifts(settings, resources) == [
        f"gift {gift.id}: open -> given",
        "gifts looked up at Stripe: 1",
    ]
    assert await mend_gifts(settings, resources) == ["gifts looked up at Stripe: 1"]
    async with resources.unit() as unit:
        assert (await unit.session.exec(select(Donation))).one().status is DonationStatus.GIVEN


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
