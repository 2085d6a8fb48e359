"""`plecho compliance export`: one file for counsel or an auditor, sealed for them, on the record.

One operator may make it: there is no person in it who was helped, and nobody here can read the file. That it was
made stands in the log of acts, with the days, the counts and to whom it was sealed, before the file is there.
"""

import asyncio
import hashlib
import json
from datetime import date
from pathlib import Path

from bot.database import Resources
from bot.operations import OPERATOR
from bot.problems import Problem
from models.audit import record
from payments.compliance_export import gather
from vault.age import seal_for
from vault.files import create_private

SHORT = 16
"""Hexadecimal digits of a SHA-256 that name a recipient in the log."""


async def export(resources: Resources, path: Path, recipient: str, since: date, until: date) -> str:
    """Write what the law may ask for of these days; says what was written. Raises `Problem`, `RecipientWrong`."""
    if since > until:
        raise Problem("the first day is after the last")
    if await asyncio.to_thread(path.exists):
        raise Problem(f"{path} is there already")
    async with resources.unit() as unit:
        told = await gather(unit, since, until)
        sealed = seal_for(recipient, json.dumps(told, ensure_ascii=False, indent=1).encode())
        counts = {"payments": len(told["payments"]), "decisions": len(told["decisions"])}
        await record(
            unit, OPERATOR, "compliance.exported", "compliance", since=since, until=until, **counts,
            to=hashlib.sha256(recipient.strip().encode()).hexdigest()[:SHORT],
            sha256=hashlib.sha256(sealed).hexdigest(),
        )  # fmt: skip
    await asyncio.to_thread(_write, path, sealed)
    return f"{path}: {counts['payments']} payments, {counts['decisions']} decisions, sealed for its reader alone."


def _write(path: Path, sealed: bytes) -> None:
    try:
        create_private(path, sealed)
    except OSError as error:
        raise Problem(f"{path} cannot be written ({error.strerror})") from None
