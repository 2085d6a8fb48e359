"""Logs are an allow-list: what is not known to be harmless is not written.

A line holds the time, the level, an event name, and of the keys given only these:

    id, *_id                          a UUID (never a Telegram id, which names a person)
    count, *_count, attempt, port     a whole number
    seconds, *_seconds                a duration
    kind, state, role                 a member of an enum: the code's own words
    error                             an exception or its type: the type's name, never its message
    exc_info                          the type, its cause's type, and where in our packages it was raised

Every other key, and a value of another type, is dropped and counted in `dropped`. Numbers are bounded, so that
a telephone number under a wrong key does not pass. Other libraries log what they like (httpx: addresses with
the bot's token in them), so of their records only logger, line, level and error remain. So it is with uncaught
errors: type and place, never the message, never a value from a frame.
"""

import asyncio
import logging
import re
import sys
import threading
import traceback
from collections.abc import Mapping, MutableMapping
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO
from uuid import UUID

import structlog
from structlog.typing import FilteringBoundLogger, WrappedLogger

_OUR_PACKAGES: Final = frozenset(
    {"bot", "handlers", "services", "payments", "models", "vault", "web", "texts", "migrations", "sandbox"}
)
_ROOT: Final = Path(__file__).resolve().parent.parent
_EVENT: Final = re.compile(r"[a-z]+(?:[._][a-z]+)*", re.ASCII)
_LOGGER_NAME: Final = re.compile(r"[A-Za-z_]+(?:\.[A-Za-z_]+)*", re.ASCII)
_NAME_LENGTH: Final = 64
_NUMBER_LIMIT: Final = 10_000_000
_FRAMES: Final = 8
_UNNAMED: Final = "unnamed"


class _Checked(str):
    """Text that this module has made or checked; no other string reaches the stream."""

    __slots__ = ()


def configure_logs(stream: TextIO, level: int = logging.INFO) -> None:
    """Send all logs of the process, filtered, as JSON lines to `stream`; take over uncaught errors too.

    Call once at the start, after the imports: it takes every handler from every logger. Each event loop needs
    `report_loop_error` as its exception handler.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            redact,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    _take_over_standard_logging(level)
    sys.excepthook = _report_uncaught
    threading.excepthook = _report_thread_error
    sys.unraisablehook = _report_unraisable


def redact(_logger: WrappedLogger, _method: str, entry: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Return the entry with nothing but what the module's table allows, and the number of keys `dropped`."""
    kept: dict[str, Any] = {"event": _event_name(entry.pop("event", None)), "level": entry.pop("level", None)}
    error = _exception(entry.pop("exc_info", None))
    if error is not None:
        kept |= {"error": _type_name(type(error)), "cause": _cause(error), "at": _places(error)}
    dropped = 0
    for key, value in entry.items():
        written = _writable(key, value)
        if written is None:
            dropped += value is not None
        else:
            kept[key] = written
    if dropped:
        kept["dropped"] = dropped
    return {key: value for key, value in kept.items() if value is not None}


def report_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log an error that nothing awaited; the context's message and objects are left out."""
    _log().error("loop_error", exc_info=context.get("exception"))


class FilteredHandler(logging.Handler):
    """Passes on of a standard log record only logger, line, level and error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write what may be written of the record."""
        name = record.name[:_NAME_LENGTH]
        _log().log(
            min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL),
            "library_record",
            library=_Checked(name if _LOGGER_NAME.fullmatch(name) else _UNNAMED),
            line=_Checked(record.lineno),
            exc_info=record.exc_info[1] if record.exc_info else None,
        )


def _log() -> FilteringBoundLogger:
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def _event_name(name: object) -> str:
    """Return the name if it looks like one: our events are lower-case words, never sentences with values."""
    fits = isinstance(name, str) and len(name) <= _NAME_LENGTH and _EVENT.fullmatch(name)
    return str(name) if fits else _UNNAMED


def _writable(key: str, value: object) -> str | int | float | None:
    """Return what may be written for this key and value, or None."""
    kind = key.rpartition("_")[2]
    if isinstance(value, _Checked):
        return str(value)
    if isinstance(value, UUID) and kind == "id":
        return str(value)
    if isinstance(value, Enum) and key in {"kind", "state", "role"}:
        return str(value.value)
    if key == "error" and isinstance(value, BaseException | type):
        return _type_name(value if isinstance(value, type) else type(value))
    if isinstance(value, int | float) and not isinstance(value, bool | Enum) and abs(value) < _NUMBER_LIMIT:
        whole = isinstance(value, int) and (kind == "count" or key in {"attempt", "port"})
        return value if whole or kind == "seconds" else None
    return None


def _exception(given: object) -> BaseException | None:
    """Return the exception that `exc_info` stands for: itself, structlog's True, or logging's triple."""
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return next((part for part in given if isinstance(part, BaseException)), None)
    return sys.exc_info()[1] if given else None


def _type_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


def _cause(error: BaseException) -> list[str] | None:
    """Name the types behind the error: its cause, or what a group holds."""
    behind = error.exceptions if isinstance(error, BaseExceptionGroup) else (error.__cause__ or error.__context__,)
    return [_type_name(type(each)) for each in behind if each is not None] or None


def _places(error: BaseException) -> list[str] | None:
    """Return file:line of the innermost frames that are in our packages; never a value from a frame."""
    places: list[str] = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_ROOT) and path.relative_to(_ROOT).parts[0] in _OUR_PACKAGES:
            places.append(f"{path.relative_to(_ROOT)}:{line}")
    return places[-_FRAMES:] or None


def _take_over_standard_logging(level: int) -> None:
    logging.captureWarnings(capture=True)
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.propagate = True
    logging.root.handlers[:] = [FilteredHandler()]
    logging.root.setLevel(level)


def _report_uncaught(kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    _log().critical("uncaught_error", exc_info=error)


def _report_thread_error(caught: threading.ExceptHookArgs) -> None:
    _log().critical("uncaught_thread_error", exc_info=caught.exc_value)


def _report_unraisable(caught: "sys.UnraisableHookArgs") -> None:
    _log().error("unraisable_error", exc_info=caught.exc_value)
