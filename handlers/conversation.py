"""aiogram's FSM storage inside the event's own transaction.

State and data of one person in one chat are a row of `conversation`, sealed, read and written by the unit of
the event: they commit with everything else, or not at all.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State
from aiogram.fsm.storage.base import BaseStorage, StateType, StorageKey
from aiogram.types import CallbackQuery, Message, TelegramObject, User
from sqlalchemy import bindparam, delete, insert, select, update

from models.base import table_of
from models.mail import Conversation
from models.unit import Unit
from services.contact import Address, lane_of
from vault.seal import Place
from vault.types import BlindIndex, SealedBytes

CHECKING: Final = "recovery:checking"
"""A recovery phrase waits to be checked."""

FLEETING: Final = frozenset({CHECKING})
"""States of a moment that keep what nobody needs after it: it goes whichever way they are left."""

# Built once: each event runs some of these. A row has two columns of its own, of which either may be none.
_TABLE: Final = table_of(Conversation)
_HERE: Final = (_TABLE.c.lane == bindparam("in_lane")) & (_TABLE.c.person == bindparam("of_person"))
_OTHER: Final = {"state": "data", "data": "state"}
_GET: Final = {name: select(_TABLE.c[name]).where(_HERE) for name in _OTHER}
_BEGIN: Final = insert(_TABLE)
_CHANGE: Final = {
    name: update(_TABLE).where(_HERE).values({name: bindparam("value"), "changed_at": bindparam("now")})
    for name in _OTHER
}
_END: Final = {name: delete(_TABLE).where(_HERE, _TABLE.c[other].is_(None)) for name, other in _OTHER.items()}


class UnitStorage(BaseStorage):
    """Storage bound to one unit of work."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit

    async def set_state(self, key: StorageKey, state: StateType = None) -> None:
        """Set or clear the state. What a fleeting one kept goes with it; a chosen language stays."""
        name = state.state if isinstance(state, State) else state
        if await self.get_state(key) in FLEETING - {name}:
            language = (await self.get_data(key)).get("language")
            await self.set_data(key, {"language": language} if language else {})
        await self._set(key, "state", name)

    async def get_state(self, key: StorageKey) -> str | None:
        """The state, or none."""
        state: str | None = (await self.unit.run(_GET["state"], self._who(key))).scalar()
        return state

    async def set_data(self, key: StorageKey, data: Mapping[str, Any]) -> None:
        """Seal and store the data; empty data is removed."""
        plain = json.dumps(dict(data)).encode()
        await self._set(key, "data", self.unit.vault.seal_server(plain, self._place(key)) if data else None)

    async def get_data(self, key: StorageKey) -> dict[str, Any]:
        """The data, or an empty mapping."""
        sealed: SealedBytes | None = (await self.unit.run(_GET["data"], self._who(key))).scalar()
        if sealed is None:
            return {}
        opened: dict[str, Any] = json.loads(self.unit.vault.open_server(sealed, self._place(key)))
        return opened

    async def close(self) -> None:
        """Nothing is held open."""

    async def _set(self, key: StorageKey, column: str, value: str | SealedBytes | None) -> None:
        """Change one column. A row without both goes; after a deletion it comes back without the other."""
        who, now = self._who(key), self.unit.now
        if value is None and (await self.unit.run(_END[column], who)).rowcount:
            return
        found = (await self.unit.run(_CHANGE[column], {**who, "value": value, "now": now})).rowcount
        if not found and value is not None:
            lane, person = who.values()
            await self.unit.run(_BEGIN, {"lane": lane, "person": person, column: value, "changed_at": now})

    def _who(self, key: StorageKey) -> dict[str, BlindIndex]:
        lane, person = (lane_of(self.unit, Address(number)) for number in (key.chat_id, key.user_id))
        return {"in_lane": lane, "of_person": person}

    def _place(self, key: StorageKey) -> Place:
        return Place("conversation", "data", ":".join(self._who(key).values()))


def conversation_of(unit: Unit, event: TelegramObject, user: User) -> FSMContext:
    """The conversation of a person in the chat of an event; their private chat when it has none."""
    message = event.message if isinstance(event, CallbackQuery) else event
    chat = message.chat.id if isinstance(message, Message) else user.id
    return FSMContext(UnitStorage(unit), StorageKey(bot_id=0, chat_id=chat, user_id=user.id))


def private_conversation(unit: Unit, address: Address) -> FSMContext:
    """The conversation of a person in their private chat, which has the person's number."""
    return FSMContext(UnitStorage(unit), StorageKey(bot_id=0, chat_id=address, user_id=address))
