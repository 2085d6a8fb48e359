"""What travels over HTTP: JSON objects and the Bot API's way of refusing.

Every refusal of the Bot API is an `ApiError`; one place (`server`) turns it into the answer that Telegram gives.
"""

import json
from collections.abc import Callable
from typing import Any, Final

JsonDict = dict[str, Any]

dumps: Final[Callable[..., str]] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class ApiError(Exception):
    """A refusal in Telegram's words.

    `code` is both the HTTP status and `error_code`; `parameters` is the Bot API's ResponseParameters.
    """

    def __init__(self, code: int, description: str, parameters: JsonDict | None = None) -> None:
        """Refuse with `code` and `description` (which includes Telegram's prefix)."""
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def body(self) -> JsonDict:
        """Return the JSON answer."""
        answer: JsonDict = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            answer["parameters"] = self.parameters
        return answer


def bad_request(what: str) -> ApiError:
    """Return a refusal of a wrong call."""
    return ApiError(400, f"Bad Request: {what}")


def forbidden(what: str) -> ApiError:
    """Return a refusal because of what people allow the bot."""
    return ApiError(403, f"Forbidden: {what}")


def too_many_requests(retry_after: int) -> ApiError:
    """Return a refusal by flood control; `retry_after` is in seconds."""
    return ApiError(429, f"Too Many Requests: retry after {retry_after}", {"retry_after": retry_after})


def conflict(what: str) -> ApiError:
    """Return a refusal because two receivers compete."""
    return ApiError(409, f"Conflict: {what}")


class NotAllowed(Exception):
    """A person tried what Telegram's apps would not let them do."""
