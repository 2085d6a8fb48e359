"""Buttons: what stands behind callback data, whoever sends it."""

import pytest

from bot.database import Resources
from models.errors import ButtonGone
from services.buttons import resolve, resolve_start
from vault.types import BlindIndex

SOMEBODY = BlindIndex("somebody")


@pytest.mark.parametrize(
    "data", ["", ".", "0", "\x00.0", "a\x00b.0", "token.٣", "t" * 5000 + ".0", "token." + "9" * 5000]
)
async def test_forged_data_is_a_button_that_is_gone(resources: Resources, data: str) -> None:
    """Whatever a changed app sends is answered, and fails no event, on either database."""
    async with resources.unit() as unit:
        with pytest.raises(ButtonGone):
            await resolve(unit, data, SOMEBODY, SOMEBODY)
        with pytest.raises(ButtonGone):
            await resolve_start(unit, f"b_{data.replace('.', '-')}", SOMEBODY)
