"""Documents and photos: asked for, fetched after the commit, rebuilt as bare pixels, sealed on disk.

- A handler only records a request; `bot.fetcher` downloads. The row is the truth: it is tried until the file is
  added or refused, and a page's id follows from the request's, so that doing it twice writes the same files.
- What is stored is what `services.rebuild` made in a process of its own, never what was sent.
- Files are written before the rows that name them are committed, and unlinked after the rows are gone. What a
  crash leaves over is sealed, and is swept.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Final
from uuid import UUID, uuid5

from sqlalchemy import Executable
from sqlmodel import col, delete, func, select

from models.audit import about, record
from models.base import NOW
from models.case import OPEN, Attachment, AttachmentRequest, Case, CaseStatus, FileStatus
from models.errors import BadInput, Stale
from models.unit import Unit
from services import limits, rebuild
from services.access import Actor, applicant_of
from services.intake import require_own
from services.jobs import Job
from services.submission import changeable, content_changed, count_pages, hold
from vault.files import open_file, seal_file, shred_file
from vault.seal import Place
from vault.types import Compartment

LIMIT: Final = rebuild.LIMIT
MEGABYTE: Final = 1024 * 1024

FILES: Final = 15
"""Files of one case; an album on Telegram holds ten."""

SENT: Final = 30
"""Files of one case with those that were refused: each costs a download, and a line on the screen."""

TRIES: Final = 8
WALL_SECONDS: Final = 30

IN_TURN: Final = 3
"""Files of one case that are fetched before it is looked who else waits."""

STRAY_AFTER: Final = timedelta(hours=1)

REASONS: Mapping[rebuild.Verdict, str] = {
    rebuild.Verdict.TYPE: "intake.bad.file-type",
    rebuild.Verdict.BROKEN: "intake.bad.file-broken",
    rebuild.Verdict.PIXELS: "intake.bad.file-pixels",
    rebuild.Verdict.PAGES: "intake.bad.file-pages",
    rebuild.Verdict.LOCKED: "intake.bad.file-locked",
}
"""Keys of the texts that say why a file was refused."""


async def request_file(unit: Unit, actor: Actor, case: Case, file: str, size: int | None) -> None:
    """Record that a file was sent. `size` is in bytes, if Telegram says it.

    Raises `BadInput` for a file that a bot cannot download or one too many, `Stale` when the case takes no more.
    """
    require_own(actor, case)
    if "documents" not in changeable(case):
        raise Stale("case.refused.fixed")
    if size is not None and size > LIMIT:
        raise BadInput("intake.bad.file-large", limit=LIMIT // MEGABYTE, size=-(-size // MEGABYTE))
    sent = await files_of(unit, case)
    kept = [each for each in sent if each.status is not FileStatus.REFUSED]
    if len(kept) >= FILES or len(sent) >= SENT:
        raise BadInput("intake.bad.files", limit=FILES)
    await limits.spend(unit, actor.chat, limits.FILES)
    row = AttachmentRequest(case_id=case.id, next_try_at=unit.now, created_at=unit.now)
    row.file = await unit.vault.seal(case.id, Compartment.story, file.encode(), _request_place(row))
    unit.session.add(row)
    await unit.session.flush()


async def files_of(unit: Unit, case: Case) -> Sequence[AttachmentRequest]:
    """Every file that was sent for a case, in order."""
    found = await unit.session.exec(
        select(AttachmentRequest)
        .where(AttachmentRequest.case_id == case.id)
        .order_by(col(AttachmentRequest.created_at), col(AttachmentRequest.id))
    )
    return found.all()


async def pages_of(unit: Unit, case: Case) -> Sequence[Attachment]:
    """Every page of a case, in order."""
    found = await unit.session.exec(
        select(Attachment)
        .where(Attachment.case_id == case.id)
        .order_by(col(Attachment.created_at), col(Attachment.request_id), col(Attachment.page))
    )
    return found.all()


async def read(unit: Unit, attachment_id: UUID) -> bytes:
    """One page as JPEG, for the sender.

    Raises `LookupError` for an unknown page, `FileNotFoundError` or `CompartmentShredded` once it is erased.
    """
    row = await unit.session.get(Attachment, attachment_id)
    if row is None:
        raise LookupError("no such attachment")
    key = await unit.vault.unlock(row.case_id, Compartment.story)
    return await open_file(path_of(unit, row.id), key, _page_place(row.id))


async def due_requests(unit: Unit) -> Sequence[UUID]:
    """Files to fetch now: the first of each case, then the second; so nobody's many files hold up another's."""
    return (await unit.run(_due_requests(), {"now": unit.now})).scalars().all()


@cache
def _due_requests() -> Executable:
    when, case = col(AttachmentRequest.next_try_at), col(AttachmentRequest.case_id)
    turn = func.row_number().over(partition_by=case, order_by=(when, col(AttachmentRequest.id)))
    due = (
        select(AttachmentRequest.id, when.label("due_at"), turn.label("turn"))
        .where(AttachmentRequest.status == FileStatus.WAITING, when <= NOW)
        .subquery()
    )
    return select(due.c.id).where(due.c.turn <= IN_TURN).order_by(due.c.turn, due.c.due_at).limit(20)


async def telegram_file(unit: Unit, request_id: UUID) -> str | None:
    """Telegram's name of a file that still waits, or none."""
    row = await _waiting(unit, request_id)
    if row is None or row.file is None:
        return None
    return (await unit.vault.open(row.case_id, Compartment.story, row.file, _request_place(row))).decode()


async def rebuilt(data: bytes) -> list[bytes]:
    """The pages of a file, made in a child process. Raises `rebuild.NotRebuilt`."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", rebuild.__file__,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env={},
    )  # fmt: skip
    try:
        answer, _ = await asyncio.wait_for(child.communicate(data), WALL_SECONDS)
    except TimeoutError:
        raise rebuild.NotRebuilt(rebuild.Verdict.BROKEN) from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return rebuild.unpack(answer)


async def add_pages(unit: Unit, request_id: UUID, pages: Sequence[bytes]) -> Case | None:
    """Seal the pages of a file that waited and return its case; none when it no longer waits."""
    row = await _waiting(unit, request_id)
    case = await unit.session.get(Case, row.case_id) if row else None
    if row is None or case is None:
        return None
    await hold(unit, case)
    key = await unit.vault.unlock(case.id, Compartment.story)
    for number, page in enumerate(pages, 1):
        made = Attachment(
            id=uuid5(row.id, str(number)), case_id=case.id, request_id=row.id, page=number,
            media_type="image/jpeg", created_at=row.created_at,
        )  # fmt: skip
        await seal_file(path_of(unit, made.id), page, key, _page_place(made.id))
        unit.session.add(made)
    row.status, row.pages, row.file = FileStatus.ADDED, len(pages), None
    await unit.session.flush()
    if case.status is not CaseStatus.DRAFT:
        await record(unit, applicant_of(case), "attachment.added", about("case", case.id), pages=len(pages))
    await content_changed(unit, case)
    return case


async def refuse_file(unit: Unit, request_id: UUID, reason: str) -> Case | None:
    """Refuse a file that waited, with the key of the reason, and return its case."""
    row = await _waiting(unit, request_id)
    if row is None:
        return None
    row.status, row.reason, row.file = FileStatus.REFUSED, reason, None
    await unit.session.flush()
    return await unit.session.get(Case, row.case_id)


async def try_later(unit: Unit, request_id: UUID) -> Case | None:
    """The download failed: try again after a growing pause; refuse after the last try and return the case then."""
    row = await _waiting(unit, request_id)
    if row is None:
        return None
    row.attempts += 1
    if row.attempts >= TRIES:
        return await refuse_file(unit, request_id, "intake.bad.file-gone")
    row.next_try_at = unit.now + timedelta(seconds=2**row.attempts)
    await unit.session.flush()
    return None


async def remove_files(unit: Unit, actor: Actor, case: Case) -> None:
    """Take back every file of the actor's own case.

    Raises `Stale` when it may no longer be changed, `BadInput` after too many changes of a sent one.
    """
    require_own(actor, case)
    await hold(unit, case)
    if "documents" not in changeable(case):
        raise Stale("case.refused.fixed")
    if case.status in OPEN:
        await limits.spend(unit, actor.chat, limits.CHANGES)
    pages = await count_pages(unit, case)
    await delete_files(unit, case)
    if case.status is not CaseStatus.DRAFT:
        await record(unit, applicant_of(case), "attachment.removed", about("case", case.id), pages=pages)
    await content_changed(unit, case)


async def delete_files(unit: Unit, case: Case) -> None:
    """Delete the rows of a case's files now, and the files themselves once that is committed."""
    for page in await pages_of(unit, case):
        unit.after_commit.append(partial(path_of(unit, page.id).unlink, missing_ok=True))
    await unit.session.exec(delete(Attachment).where(col(Attachment.case_id) == case.id))
    await unit.session.exec(delete(AttachmentRequest).where(col(AttachmentRequest.case_id) == case.id))


def path_of(unit: Unit, attachment_id: UUID) -> Path:
    """Where a page lies."""
    return unit.files / attachment_id.hex


async def _waiting(unit: Unit, request_id: UUID) -> AttachmentRequest | None:
    found = await unit.session.exec(
        select(AttachmentRequest)
        .where(AttachmentRequest.id == request_id, AttachmentRequest.status == FileStatus.WAITING)
        .with_for_update()
    )
    row = found.first()
    case = await unit.session.get(Case, row.case_id) if row else None
    return row if case is not None and case.status is not CaseStatus.SHREDDED else None


async def _find_strays(unit: Unit) -> Sequence[str]:
    """Files that no row names, old enough not to belong to a transaction under way."""
    before = (datetime.now(UTC) - STRAY_AFTER).timestamp()
    names = [path.name for path in unit.files.iterdir() if path.is_file() and path.stat().st_mtime < before]
    known = {each.hex for each in (await unit.session.exec(select(Attachment.id))).all()}
    return [name for name in names if name not in known]


async def _sweep(unit: Unit, name: str) -> None:
    known = {each.hex for each in (await unit.session.exec(select(Attachment.id))).all()}
    if name not in known:
        await shred_file(unit.files / name)


def _request_place(row: AttachmentRequest) -> Place:
    return Place("attachment_request", "file", row.id)


def _page_place(attachment_id: UUID) -> Place:
    return Place("attachment", "file", attachment_id)


JOBS: tuple[Job, ...] = (Job("attachments.sweep", timedelta(hours=1), _find_strays, _sweep),)
