"""What travels over HTTP: JSON objects, and Stripe's way of refusing (docs.stripe.com/api/errors).

Every refusal is a `StripeError`; one place (`api`) turns it into the answer that Stripe gives.
"""

import json
from collections.abc import Callable
from typing import Any, Final, Literal

JsonDict = dict[str, Any]
ErrorType = Literal["api_error", "card_error", "idempotency_error", "invalid_request_error", "rate_limit_error"]

dumps: Final[Callable[..., str]] = json.JSONEncoder(ensure_ascii=False).encode


def copied(value: Any) -> Any:  # noqa: ANN401 - JSON in, JSON out
    """Return a copy of a JSON value that shares nothing with it."""
    if isinstance(value, dict):
        return {name: copied(part) for name, part in value.items()}
    return [copied(part) for part in value] if isinstance(value, list) else value


class StripeError(Exception):
    """A refusal in Stripe's shape: HTTP `status`, `kind` as the error's type, `code` and `param` where there are.

    `more` are further fields of the error, like `decline_code`. `executed` says that the endpoint began its work:
    only then does an idempotency key keep the answer (docs.stripe.com/api/idempotent_requests).
    """

    def __init__(
        self,
        status: int,
        kind: ErrorType,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        more: JsonDict | None = None,
        executed: bool = False,
    ) -> None:
        """Refuse."""
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.code = code
        self.param = param
        self.more = more or {}
        self.executed = executed

    def body(self) -> JsonDict:
        """Return the JSON answer."""
        error: JsonDict = {"message": self.message, "type": self.kind} | self.more
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param:
            error["param"] = self.param
        return {"error": error}


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> StripeError:
    """Return a refusal of a call that the endpoint looked at and cannot do."""
    return StripeError(400, "invalid_request_error", message, code=code, param=param, executed=True)


def malformed(message: str, *, param: str | None = None, code: str | None = None) -> StripeError:
    """Return a refusal of parameters that are wrong by themselves; no idempotency key remembers it."""
    return StripeError(400, "invalid_request_error", message, code=code, param=param)


def missing(what: str, wanted: str, *, param: str = "id", status: int = 404) -> StripeError:
    """Return the refusal for an object that does not exist: 404 in the path, 400 in a parameter."""
    message = f"No such {what}: '{wanted}'"
    executed = status == 400  # noqa: PLR2004 - an HTTP status
    return StripeError(
        status, "invalid_request_error", message, code="resource_missing", param=param, executed=executed
    )


class NotAllowed(Exception):
    """A person or a bank tried what the real ones could not do."""
