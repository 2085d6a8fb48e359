"""What flows of gifts do: ask for a page to pay on, press what stands, read the books and what was said."""

from sqlmodel import col, select

from models.donation import Donation, DonationStatus
from payments.ledger import Purpose, balance
from sandbox.stripe.client import Bank
from sandbox.telegram.client import Person
from tests.flows.harness import World


async def hear(world: World) -> None:
    """Let the fund poll Stripe and do what follows."""
    assert world.app.stripe is not None
    await world.app.stripe.poller.poll()
    await world.settle()


async def choose(world: World, donor: Person, *labels: str) -> None:
    """Go through `/donate` by these buttons."""
    await donor.send("/donate")
    await world.settle()
    for label in labels:
        await donor.press(label)
        await world.settle()


async def page_of(world: World, donor: Person, way: str = "By card, once", amount: str = "10\xa0€") -> str:
    """Go through `/donate` and return the address of the page to pay on."""
    await choose(world, donor, way, amount)
    return str(await donor.press("Open the page to pay on"))


async def books(world: World, currency: str = "EUR") -> dict[str, int]:
    """What stands on the accounts of a currency."""
    async with world.unit() as unit:
        found = {purpose.value: (await balance(unit, purpose, currency)).amount for purpose in Purpose}
    return {name: amount for name, amount in found.items() if amount}


async def held_by_stripe(bank: Bank) -> int:
    """What the account at Stripe holds, in cents, by Stripe's own count."""
    return sum(moved["net"] for moved in await bank.objects("balance_transaction"))


async def statuses(world: World) -> list[DonationStatus]:
    """Where each gift stands, in the order of asking."""
    async with world.unit() as unit:
        gifts = (await unit.session.exec(select(Donation).order_by(col(Donation.asked_at)))).all()
    return [gift.status for gift in gifts]


async def press_newest_gift(world: World, donor: Person) -> None:
    """Take the newest gift back by `/gifts`."""
    await donor.send("/gifts")
    await world.settle()
    labels = [label for message in await donor.messages() for label in message.labels]
    await donor.press(next(label for label in labels if label.endswith("arrived")))
    await world.settle()
    await donor.press("Take this gift back")
    await world.settle()


async def texts(person: Person) -> list[str]:
    """What a person can read."""
    return [view.text for view in await person.messages()]
