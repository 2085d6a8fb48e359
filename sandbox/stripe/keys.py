"""API keys: one secret key that may do everything, and restricted ones (docs.stripe.com/keys#limit-access).

A restricted key has a right per resource, `read` or `write` (which includes reading). What it lacks is answered
with 403 and the name of the missing right, also when `expand[]` would show an object that it may not read.
"""

import secrets
from collections.abc import Mapping
from typing import Final, Literal

from sandbox.stripe.wire import StripeError

Right = Literal["none", "read", "write"]
_RANK: Final[dict[str, int]] = {"none": 0, "read": 1, "write": 2}


class Keys:
    """The account's keys."""

    def __init__(self) -> None:
        """Begin with a new secret key."""
        self.secret = "sk_test_" + secrets.token_hex(24)
        self._restricted: dict[str, dict[str, Right]] = {}

    def restrict(self, rights: Mapping[str, Right]) -> str:
        """Return a new key with these rights by resource, like `{"checkout_session": "write"}`."""
        if unknown := set(rights.values()) - _RANK.keys():
            raise ValueError(f"no such right: {sorted(unknown)}")
        key = "rk_test_" + secrets.token_hex(24)
        self._restricted[key] = dict(rights)
        return key

    def check(self, given: str | None) -> str:
        """Return the key of a request; raises 401 when there is none or it is not known."""
        if not given:
            message = (
                "You did not provide an API key. You need to provide your API key in the Authorization header."
            )
            raise StripeError(401, "invalid_request_error", message)
        if given != self.secret and given not in self._restricted:
            raise StripeError(401, "invalid_request_error", f"Invalid API Key provided: {_masked(given)}")
        return given

    def require(self, key: str, resource: str, right: Right) -> None:
        """Raise 403 when the key lacks the right."""
        if key == self.secret:
            return
        if _RANK[self._restricted[key].get(resource, "none")] < _RANK[right]:
            message = (
                f"The provided key '{_masked(key)}' does not have the required permissions for this endpoint. "
                f"Having the 'rak_{resource}_{right}' permission would allow this request to continue."
            )
            raise StripeError(403, "invalid_request_error", message)


def _masked(key: str) -> str:
    return f"{key[:8]}{'*' * max(0, len(key) - 12)}{key[-4:]}"
