"""What the operator's commands do to the fund, each in its own transaction and on the record."""

from bot.database import Resources
from models.volunteer import Role
from payments import funding
from payments.money import parse_amount
from services import audit, volunteers
from texts.catalogue import FALLBACK
from texts.formats import money

OPERATOR = "operator"
"""How the audit log names the command line."""


async def make_invitation(resources: Resources, role: Role, username: str) -> str:
    """A link that brings one volunteer in."""
    async with resources.unit() as unit:
        token = await volunteers.invite(unit, role, None)
    return f"https://t.me/{username}?start={volunteers.START_INVITATION}{token}"


async def add_money(resources: Resources, amount: str, currency: str | None, reference: str | None) -> str:
    """Enter money as the operator; says what the fund was given. Raises `Refused`."""
    async with resources.unit() as unit:
        given = parse_amount(amount, currency.upper() if currency else unit.policy.currency)
        await funding.add(unit, given, OPERATOR, reference)
    return f"Added {money(given.amount, given.currency, FALLBACK)}."


async def check_audit(resources: Resources) -> tuple[list[str], bool]:
    """Walk the audit log; lines for the operator, and whether it is whole."""
    async with resources.unit() as unit:
        report = await audit.verify(unit)
    lines = [f"entry {finding.number}: {finding.fault}" for finding in report.findings]
    lines.append(f"{report.size} entries, {report.checkpoints} checkpoints, root {report.root.hex()}")
    lines.append("The log is whole." if report.whole else "THE LOG IS NOT WHOLE.")
    return lines, report.whole
