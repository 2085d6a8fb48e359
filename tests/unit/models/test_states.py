"""State machines: every pair of states of every kind, walked."""

from datetime import UTC, datetime
from enum import StrEnum

import pytest
from sqlmodel import select

from bot.database import Resources
from models import case, donation, followup, grant, panel, volunteer
from models.audit import AuditEntry
from models.case import Case, CaseStatus
from models.donation import Donation, DonationStatus, Provider
from models.errors import MoveRefused
from models.followup import FollowUp, FollowUpKind, FollowUpStatus
from models.grant import Grant, GrantStatus, Payout, PayoutStatus
from models.panel import Seat, SeatStatus
from models.states import Allowed, Stateful, move
from models.unit import Unit
from models.volunteer import Volunteer, VolunteerStatus
from vault.types import BlindIndex, CallSign, CaseCode, GrantNumber, SealedBytes

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TABLES: tuple[tuple[type[StrEnum], Allowed], ...] = (
    (CaseStatus, case.ALLOWED),
    (SeatStatus, panel.ALLOWED),
    (VolunteerStatus, volunteer.ALLOWED),
    (GrantStatus, grant.GRANT_ALLOWED),
    (PayoutStatus, grant.PAYOUT_ALLOWED),
    (FollowUpStatus, followup.ALLOWED),
    (DonationStatus, donation.DONATION_ALLOWED),
)


def a_case() -> Case:
    """Any case."""
    return Case(code=CaseCode("C-1"), language="en", created_at=NOW)


def a_volunteer() -> Volunteer:
    """Any volunteer."""
    return Volunteer(
        chat=BlindIndex("v"), contact=SealedBytes(b""), call_sign=CallSign("Heron"), language="en",
        reconfirm_at=NOW, created_at=NOW, since=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(("states", "allowed"), TABLES)
def test_every_state_has_its_row(states: type[StrEnum], allowed: Allowed) -> None:
    """A table names every state and leads only to states; no state leads to itself."""
    assert set(allowed) == set(states)
    for source, targets in allowed.items():
        assert targets <= set(states)
        assert source not in targets


@pytest.mark.parametrize(("states", "allowed"), TABLES)
async def test_every_pair_of_states(resources: Resources, states: type[StrEnum], allowed: Allowed) -> None:
    """A move is made and audited when the table has it, and otherwise refused with nothing changed."""
    for source in states:
        for target in states:
            async with resources.unit() as unit:
                await walk(unit, states, allowed, source, target)
                await unit.session.rollback()


async def walk(unit: Unit, states: type[StrEnum], allowed: Allowed, source: StrEnum, target: StrEnum) -> None:
    """Try one move of a fresh row."""
    row = await fresh(unit, states)
    row.status = source
    unit.session.add(row)
    await unit.session.flush()
    if target in allowed[source]:
        await move(unit, row, target, allowed, "system")
    else:
        with pytest.raises(MoveRefused):
            await move(unit, row, target, allowed, "system")
    await unit.session.refresh(row)
    moved = target in allowed[source]
    assert row.status == (target if moved else source)
    entries = (await unit.session.exec(select(AuditEntry))).all()
    assert [entry.act.endswith(f".{target}") for entry in entries] == [True] * moved


async def fresh(unit: Unit, states: type[StrEnum]) -> Stateful:
    """A row of the kind that has these states."""
    first, second = a_case(), a_volunteer()
    unit.session.add_all([first, second])
    await unit.session.flush()
    promised = Grant(
        number=GrantNumber("G-1"), case_id=first.id, status=GrantStatus.WAITING, amount=1, currency="RUB",
        second_treasurer=False, policy_version="1", approved_at=NOW,
    )  # fmt: skip
    unit.session.add(promised)
    await unit.session.flush()
    rows: dict[type[StrEnum], Stateful] = {
        CaseStatus: first,
        VolunteerStatus: second,
        SeatStatus: Seat(case_id=first.id, volunteer_id=second.id, drawn_at=NOW, due_at=NOW),
        GrantStatus: promised,
        PayoutStatus: Payout(grant_id=promised.id, rail="manual", created_at=NOW),
        FollowUpStatus: FollowUp(case_id=first.id, kind=FollowUpKind.MONTH, due_at=NOW),
        DonationStatus: Donation(
            provider=Provider.STRIPE, amount=1, currency="EUR", language="en", token="t", asked_at=NOW, due_at=NOW
        ),
    }
    return rows[states]
