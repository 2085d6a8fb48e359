"""What the operator's commands do to the fund, each in its own transaction and on the record."""

from collections.abc import Sequence

from bot import inbox
from bot.clock import JobClock
from bot.database import Resources
from bot.metrics import Metrics
from models.volunteer import Role
from payments import funding
from payments.funding import Why
from payments.money import parse_amount
from services import audit, erasure, former, messages, restoring, retention, volunteers
from services.jobs import Job
from services.restoring import CutOff, Doubts
from texts.catalogue import FALLBACK
from texts.formats import money

OPERATOR = "operator"
"""How the audit log names the command line."""

UNFINISHED = "erasure.finish"
"""The job that finds cases whose keys are gone and whose rows are not."""


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


async def take_money(resources: Resources, amount: str, why: Why, reference: str | None) -> str:
    """Take cash out of the books as the operator; says how much. Raises `Refused`."""
    async with resources.unit() as unit:
        taken = parse_amount(amount, unit.policy.currency)
        await funding.take(unit, taken, why, OPERATOR, reference)
    return f"Taken out: {money(taken.amount, taken.currency, FALLBACK)} ({why})."


async def top_up(resources: Resources, left: str, arrived: str, currency: str, reference: str | None) -> str:
    """Enter as the operator that cash went to Stripe; says what. Raises `Refused`."""
    async with resources.unit() as unit:
        gone, came = parse_amount(left, unit.policy.currency), parse_amount(arrived, currency.upper())
        await funding.top_up(unit, gone, came, OPERATOR, reference)
    out, into = (money(each.amount, each.currency, FALLBACK) for each in (gone, came))
    return f"Moved to Stripe: {out} left, {into} arrived."


async def check_audit(resources: Resources) -> tuple[list[str], bool]:
    """Walk the audit log; lines for the operator, and whether it is whole."""
    async with resources.glance() as unit:  # of one moment: what is signed meanwhile is no lost checkpoint
        report = await audit.verify(unit)
    lines = [f"entry {finding.number}: {finding.fault}" for finding in report.findings]
    lines.append(f"{report.size} entries, {report.checkpoints} checkpoints, root {report.root.hex()}")
    lines.append("The log is whole." if report.whole else "THE LOG IS NOT WHOLE.")
    return lines, report.whole


async def sweep_shredded(resources: Resources) -> int:
    """Remove what was erased after a backup was made: cases, and who volunteers were; returns how many."""
    return await _run(resources, [*(job for job in erasure.JOBS if job.name == UNFINISHED), former.FINISH])


async def cut_off_again(resources: Resources) -> CutOff:
    """Keep out whoever was cut off after a backup was made; returns how many."""
    async with resources.unit() as unit:
        return await restoring.cut_off(unit, OPERATOR)


async def doubt_payments(resources: Resources) -> Doubts:
    """Have everything looked up that may have been paid after a backup was made; returns how much."""
    async with resources.unit() as unit:
        return await restoring.doubt(unit, OPERATOR)


async def erase_due(resources: Resources) -> int:
    """Do all erasing that is due; returns how many things. Messages are deleted by the running bot's sender."""
    return await _run(resources, [*erasure.JOBS, *retention.JOBS, *messages.JOBS, *inbox.JOBS])


async def _run(resources: Resources, jobs: Sequence[Job]) -> int:
    return await JobClock(resources, jobs, Metrics(), handled=lambda: None).run_due_now()
