"""How givers are reached: a sealed chat beside its blind index, on each gift; a gift of the web page has neither.

The token of a gift is made from its id by the server's signature, so that it can be shown again and nothing but
its digest is stored. Whoever has the token sees what became of the gift, and not who gave it.
"""

import hashlib
from base64 import b32encode
from typing import Final
from uuid import UUID

from sqlmodel import col, select, update

from models.donation import Donation, DonationStatus, MonthlyGift
from models.unit import Unit
from services.access import Actor
from services.contact import Address, To, lane_of
from services.speak import Button, Screen, clear_notices, notify
from vault.seal import Place
from vault.types import BlindIndex

TOKEN: Final = b"plecho gift token 1\n"
"""What the signature behind a token begins with."""

GIFT: Final = "gift:"
"""The topic of what a giver is told of their gifts."""

TOKEN_BYTES: Final = 15
"""120 bits: 24 characters, beyond guessing."""


def make_token(unit: Unit, donation: UUID) -> str:
    """The token of a gift, in groups of six; the same each time."""
    digest = hashlib.sha256(unit.vault.sign(TOKEN + donation.bytes)).digest()
    text = b32encode(digest[:TOKEN_BYTES]).decode()
    return "-".join(text[start : start + 6] for start in range(0, len(text), 6))


def token_digest(token: str) -> str:
    """What is stored of a token; a space, a hyphen or a small letter makes no difference."""
    plain = "".join(token.split()).replace("-", "").upper()
    return hashlib.sha256(plain.encode(errors="replace")).hexdigest()


async def find_by_token(unit: Unit, token: str) -> Donation | None:
    """The gift behind a token."""
    return (await unit.session.exec(select(Donation).where(Donation.token == token_digest(token)))).first()


def set_donor(unit: Unit, row: Donation | MonthlyGift, address: Address) -> None:
    """Seal the giver's chat into a row that has its id."""
    row.chat = lane_of(unit, address)
    row.contact = unit.vault.seal_server(str(address).encode(), _place(row))


def copy_donor(unit: Unit, source: Donation | MonthlyGift, target: Donation | MonthlyGift) -> None:
    """Let another row of the same giver reach them too."""
    to = donor(unit, source)
    if to is not None:
        set_donor(unit, target, to.address)


def donor(unit: Unit, row: Donation | MonthlyGift) -> To | None:
    """The giver as a recipient; none for the web page, and for who was forgotten."""
    if row.contact is None:
        return None
    return To(Address(int(unit.vault.open_server(row.contact, _place(row)))), row.language)


async def tell_donor(
    unit: Unit, row: Donation | MonthlyGift, key: str, *buttons: tuple[str, str], **params: str | int
) -> None:
    """Say something to the giver, if there is a chat; `buttons` are pairs of a text's key and an act."""
    to = donor(unit, row)
    if to is not None:
        rows = [[Button(unit.texts.render(label, to.language), act)] for label, act in buttons]
        await notify(unit, to, Screen(unit.texts.render(key, to.language, **params), rows), topic=GIFT)


async def forget_donor(unit: Unit, actor: Actor) -> None:
    """Cut every gift of this person off from their chat, but those that are yet to be paid back to it.

    What they were told of their gifts is deleted from the chat.
    """
    await clear_notices(unit, actor.chat, None, GIFT)
    mine = update(Donation).where(
        col(Donation.chat) == actor.chat, col(Donation.status) != DonationStatus.REFUNDING
    )
    await unit.session.exec(mine.values(chat=None, contact=None))
    promised = update(MonthlyGift).where(col(MonthlyGift.chat) == actor.chat)
    await unit.session.exec(promised.values(chat=None, contact=None))


def is_donor(row: Donation | MonthlyGift, chat: BlindIndex) -> bool:
    """Whether a row belongs to this chat."""
    return row.chat is not None and row.chat == chat


def _place(row: Donation | MonthlyGift) -> Place:
    return Place(str(row.__tablename__), "contact", str(row.id))
