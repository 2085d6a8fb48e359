"""The signed receipt: it proves when a case was filed, to anyone, and nothing else."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.database import Resources
from models.errors import BadInput, Stale
from services.receipt import make_receipt, verify_receipt
from tests.unit.services.asker import actor_of, case_of, draft, submitted
from vault.keyring import Keyring
from vault.vault import Vault


async def test_a_receipt_proves_code_and_time(resources: Resources) -> None:
    """It is the same each time, holds two facts and a signature, and survives being wrapped by a chat."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        case = await case_of(unit, case_id)
        receipt = make_receipt(unit, case)
        assert receipt == make_receipt(unit, case)
        proof = verify_receipt(unit.vault, f" {receipt[:40]}\n{receipt[40:]} ")
        assert proof.code == case.code
        assert proof.filed_at == unit.now.replace(second=0, microsecond=0) or proof.filed_at < unit.now
        assert receipt.count(".") == 2
        assert len(receipt) < 120


async def test_a_draft_has_no_receipt(resources: Resources) -> None:
    """Nothing was filed, so nothing is proved."""
    case_id = await draft(resources)
    async with resources.unit() as unit:
        with pytest.raises(Stale):
            make_receipt(unit, await case_of(unit, case_id))


async def test_an_altered_receipt_proves_nothing(resources: Resources) -> None:
    """Another code, time or signature, and another server's receipt, are all refused alike."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        receipt = make_receipt(unit, await case_of(unit, case_id))
        code, filed, signature = receipt.split(".")
        other = "3" if code[0] != "3" else "4"
        for altered in (
            f"{other}{code[1:]}.{filed}.{signature}",
            f"{code}.20200101T0000Z.{signature}",
            f"{code}.{filed}.{signature[::-1]}",
            f"{code}.20209999T0000Z.{signature}",
            f"{code}.{filed}",
            receipt + "A",
            "",
        ):
            with pytest.raises(BadInput):
                verify_receipt(unit.vault, altered)
        stranger = Vault(Keyring.new(), unit.vault._store)  # noqa: SLF001 - another server with the same store
        with pytest.raises(BadInput):
            verify_receipt(stranger, receipt)
        assert (await actor_of(unit)).case is not None


@given(st.text())
def test_any_text_is_verified_or_refused(text: str) -> None:
    """Whatever is pasted, the answer is `BadInput`: nothing here can be guessed."""
    with pytest.raises(BadInput):
        verify_receipt(VAULT, text)


VAULT = Vault(Keyring.new(), None)  # type: ignore[arg-type] # verifying needs no store


async def test_a_receipt_is_written_in_one_way(resources: Resources) -> None:
    """The spare bits of its last letter give no second text that passes for the same receipt."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        receipt = make_receipt(unit, await case_of(unit, case_id))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    passing = []
    for letter in letters:
        with suppress(BadInput):
            verify_receipt(resources.vault, receipt[:-1] + letter)
            passing.append(letter)
    assert passing == [receipt[-1]]
