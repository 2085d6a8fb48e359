"""aiogram's FSM storage inside the event's own transaction.

State and data of one person in one chat are a row of `conversation`, sealed, read and written by the unit of
the event: they commit with everything else, or not at all.
"""

import json
from collections.abc import Mapping
from typing import Any

from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State
from aiogram.fsm.storage.base import BaseStorage, StateType, StorageKey
from aiogram.types import CallbackQuery, Message, TelegramObject, User

from models.mail import Conversation
from models.unit import Unit
from services.contact import Address, lane_of
from vault.seal import Place


class UnitStorage(BaseStorage):
    """Storage bound to one unit of work."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit

    async def set_state(self, key: StorageKey, state: StateType = None) -> None:
        """Set or clear the state."""
        row = await self._row(key, make=state is not None)
        if row is not None:
            row.state = state.state if isinstance(state, State) else state
            await self._keep(row)

    async def get_state(self, key: StorageKey) -> str | None:
        """The state, or none."""
        row = await self._row(key)
        return row.state if row else None

    async def set_data(self, key: StorageKey, data: Mapping[str, Any]) -> None:
        """Seal and store the data; empty data is removed."""
        row = await self._row(key, make=bool(data))
        if row is not None:
            plain = json.dumps(dict(data)).encode()
            row.data = self.unit.vault.seal_server(plain, self._place(row)) if data else None
            await self._keep(row)

    async def get_data(self, key: StorageKey) -> dict[str, Any]:
        """The data, or an empty mapping."""
        row = await self._row(key)
        if row is None or row.data is None:
            return {}
        opened: dict[str, Any] = json.loads(self.unit.vault.open_server(row.data, self._place(row)))
        return opened

    async def close(self) -> None:
        """Nothing is held open."""

    async def _row(self, key: StorageKey, *, make: bool = False) -> Conversation | None:
        lane, person = (lane_of(self.unit, Address(number)) for number in (key.chat_id, key.user_id))
        row = await self.unit.session.get(Conversation, (lane, person))
        if row is None and make:
            row = Conversation(lane=lane, person=person, changed_at=self.unit.now)
            self.unit.session.add(row)
        return row

    async def _keep(self, row: Conversation) -> None:
        row.changed_at = self.unit.now
        if row.state is None and row.data is None:
            await self.unit.session.delete(row)
        await self.unit.session.flush()

    @staticmethod
    def _place(row: Conversation) -> Place:
        return Place("conversation", "data", f"{row.lane}:{row.person}")


def conversation_of(unit: Unit, event: TelegramObject, user: User) -> FSMContext:
    """The conversation of a person in the chat of an event; their private chat when it has none."""
    message = event.message if isinstance(event, CallbackQuery) else event
    chat = message.chat.id if isinstance(message, Message) else user.id
    return FSMContext(UnitStorage(unit), StorageKey(bot_id=0, chat_id=chat, user_id=user.id))


def private_conversation(unit: Unit, address: Address) -> FSMContext:
    """The conversation of a person in their private chat, which has the person's number."""
    return FSMContext(UnitStorage(unit), StorageKey(bot_id=0, chat_id=address, user_id=address))
