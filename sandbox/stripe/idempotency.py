"""Idempotency keys (docs.stripe.com/api/idempotent_requests).

The first call with a key runs. A later one with the same parameters gets the first one's answer, also when that
was a failure of the endpoint, for 24 hours; with other parameters 400 `idempotency_error`; while the first is
still being answered 409. Nothing is kept when the parameters were wrong by themselves or the call was refused
before.
"""

from dataclasses import dataclass
from typing import Final

from sandbox.stripe.wire import JsonDict, StripeError, malformed

LONGEST: Final = 255


@dataclass(slots=True)
class Kept:
    """The answer to a key; `busy` while the first call has not been answered."""

    fingerprint: str
    first: float
    request: str
    status: int | None = None
    body: JsonDict | None = None
    busy: bool = True


class Answers:
    """What was answered to which key."""

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: dict[tuple[str, str], Kept] = {}

    def begin(self, owner: str, key: str, fingerprint: str, request: str, now: float, life: float) -> Kept | None:
        """Return the answer to replay, or None when the call is to run; raises the refusals."""
        if len(key) > LONGEST:
            raise malformed(f"Idempotency keys can be up to {LONGEST} characters long.")
        found = self._kept.get((owner, key))
        if found is None or now - found.first >= life:
            self._kept[owner, key] = Kept(fingerprint, now, request)
            return None
        if found.fingerprint != fingerprint:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with."
                f" Try using a key other than '{key}' if you meant to execute a different request."
            )
            raise StripeError(400, "idempotency_error", message)
        if found.busy:
            message = (
                "There is currently another in-progress request using this Idempotent Key (that probably means you"
                f" submitted twice, and the other request is still going through): {key}."
            )
            raise StripeError(409, "invalid_request_error", message, code="idempotency_key_in_use")
        return found

    def finish(self, owner: str, key: str, status: int, body: JsonDict, *, keep: bool) -> None:
        """Keep the answer of the call that `begin` let run, or forget the key when there is nothing to keep."""
        if keep:
            kept = self._kept[owner, key]
            kept.status, kept.body, kept.busy = status, body, False
        else:
            del self._kept[owner, key]

    def busy(self, owner: str, key: str) -> None:
        """Let further calls with the key meet 409, because the answer is still on its way."""
        if (kept := self._kept.get((owner, key))) is not None:
            kept.busy = True

    def idle(self, owner: str, key: str) -> None:
        """Let the key be answered from now on."""
        if (kept := self._kept.get((owner, key))) is not None:
            kept.busy = False
