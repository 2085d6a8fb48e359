"""The signed receipt: it proves when a case was filed, and says nothing else.

    K7MN-3XRT.20261205T1200Z.<Ed25519 signature, base64url>

It holds the case code and the minute of filing. Nothing about it is stored: it can be made again from the case,
and checked by anyone with the public key, after the case is erased too.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from models.case import Case
from models.errors import BadInput, Stale
from models.unit import Unit
from vault.types import CaseCode
from vault.vault import Vault

KIND: Final = b"plecho receipt 1\n"
"""What a signature of this kind begins with, so that no other signed text passes for a receipt."""

TIME: Final = "%Y%m%dT%H%MZ"

FORM: Final = re.compile(r"([0-9A-Z]{4}-[0-9A-Z]{4})\.(\d{8}T\d{4}Z)\.([0-9A-Za-z_-]{86})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a genuine receipt proves."""

    code: CaseCode
    filed_at: datetime


def make_receipt(unit: Unit, case: Case) -> str:
    """The receipt of a case that was sent; the same every time. Raises `Stale` for a draft."""
    if case.submitted_at is None:
        raise Stale
    said = f"{case.code}.{case.submitted_at.astimezone(UTC).strftime(TIME)}"
    signature = unit.vault.sign(KIND + said.encode())
    return f"{said}.{urlsafe_b64encode(signature).decode().rstrip('=')}"


def verify_receipt(vault: Vault, text: str) -> Receipt:
    """What a receipt proves. Raises `BadInput` for anything that this server did not sign just so."""
    found = FORM.fullmatch("".join(text.split()))
    if found is None:
        raise BadInput("case.bad.receipt")
    code, filed, signature = found.groups()
    try:
        filed_at = datetime.strptime(filed, TIME).replace(tzinfo=UTC)
    except ValueError:
        raise BadInput("case.bad.receipt") from None
    raw = urlsafe_b64decode(f"{signature}==")
    written = urlsafe_b64encode(raw).decode().rstrip("=")  # the last letter has spare bits: only one way is ours
    if written != signature or not vault.verify(KIND + f"{code}.{filed}".encode(), raw):
        raise BadInput("case.bad.receipt")
    return Receipt(CaseCode(code), filed_at)
