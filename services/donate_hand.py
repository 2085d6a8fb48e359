"""Bank transfers and cash: what two treasurers entered and confirmed is a gift like any other, of nobody named.

Its receipt goes to the treasurer who entered it, to be passed on to whoever gave.
"""

from models.donation import Donation, DonationStatus, Provider
from models.funding import Funding
from models.unit import Unit
from models.volunteer import Volunteer
from services.contact import volunteer_recipient
from services.donors import make_token, token_digest
from services.speak import Screen, notify
from texts.formats import money


async def record_hand_gift(unit: Unit, row: Funding) -> Donation:
    """Record a confirmed entry as a gift, and hand its receipt to the treasurer who entered it.

    The gift has the entry's id, by which `payments.trace` finds it in the books.
    """
    treasurer = await unit.session.get_one(Volunteer, row.entered_by)
    token = make_token(unit, row.id)
    donation = Donation(
        id=row.id,
        provider=Provider.HAND,
        status=DonationStatus.GIVEN,
        amount=row.amount,
        currency=row.currency,
        language=treasurer.language,
        token=token_digest(token),
        asked_at=row.entered_at,
        given_at=unit.now,
        due_at=unit.now,
    )
    unit.session.add(donation)
    await unit.session.flush()
    to = await volunteer_recipient(unit, treasurer)
    amount = money(row.amount, row.currency, to.language)
    await notify(unit, to, Screen(unit.texts.render("donate.told.hand", to.language, amount=amount, token=token)))
    return donation
