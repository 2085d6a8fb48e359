"""Logs: only what is known to be harmless gets through, whoever logs it."""

import asyncio
import io
import json
import logging
import subprocess
import sys
import warnings
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from vault.errors import SealBroken
from vault.keyring import Keyring
from vault.logs import configure_logs, redact, report_loop_error
from vault.seal import Place
from vault.types import Compartment, Secret
from vault.vault import Vault

CANARY = "canary-8841"
SUBJECT = UUID("12345678-1234-5678-1234-567812345678")


class Role(StrEnum):
    """An enum such as the code has."""

    treasurer = "treasurer"


def lines(logs: io.StringIO) -> list[dict[str, Any]]:
    """What was written, without the time."""
    parsed = [json.loads(line) for line in logs.getvalue().splitlines()]
    # A thread of an earlier test may still say that it ends.
    parsed = [line for line in parsed if line.get("library") != "aiosqlite"]
    for line in parsed:
        assert datetime.fromisoformat(line.pop("time")).tzinfo == UTC
    return parsed


def fail(error: Exception, cause: Exception | None) -> NoReturn:
    """Raise as some deep function would."""
    raise error from cause


def test_allowed_values_are_written(logs: io.StringIO) -> None:
    """An operator sees what happened, to which case, how often, how long, in which role."""
    structlog.get_logger().info(
        "payout.claimed", case_id=SUBJECT, id=SUBJECT, count=3, retry_count=0, attempt=2, port=8080,
        seconds=0.25, wait_seconds=9, role=Role.treasurer, error=SealBroken,
    )  # fmt: skip
    assert lines(logs) == [
        {
            "event": "payout.claimed", "level": "info", "case_id": str(SUBJECT), "id": str(SUBJECT), "count": 3,
            "retry_count": 0, "attempt": 2, "port": 8080, "seconds": 0.25, "wait_seconds": 9,
            "role": "treasurer", "error": "vault.errors.SealBroken",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("chat_id", 123456789),
        ("case_id", CANARY),
        ("count", CANARY),
        ("count", True),
        ("count", 1.5),
        ("count", 79161234567),
        ("phone", 79161234567),
        ("number", 5),
        ("seconds", CANARY),
        ("seconds", 79161234567.0),
        ("seconds", float("nan")),
        ("seconds", float("inf")),
        ("role", CANARY),
        ("name", Role.treasurer),
        ("error", CANARY),
        ("text", CANARY),
        ("text", Secret(CANARY)),
        ("update", {"text": CANARY}),
        ("items", [SUBJECT]),
        (CANARY, CANARY),
        ("case", SUBJECT),
    ],
)
def test_every_other_value_is_dropped_and_counted(logs: io.StringIO, key: str, value: object) -> None:
    """Neither the key nor the value is written; that something was dropped is."""
    structlog.get_logger().warning("noticed", **{key: value})
    assert lines(logs) == [{"event": "noticed", "level": "warning", "dropped": 1}]


@pytest.mark.parametrize(
    "event", ["Hello", f"user {CANARY}", "case 7", "a" * 65, "", "a%s", "имя", "a..b", None, 5]
)
def test_an_event_that_is_no_name_is_not_written(logs: io.StringIO, event: str) -> None:
    """A sentence with values in it, given as the event, leaves nothing."""
    structlog.get_logger().info(event)
    assert lines(logs) == [{"event": "unnamed", "level": "info"}]


def test_bound_values_are_filtered_too(logs: io.StringIO) -> None:
    """What a logger carries along is no way around the filter, nor is a key that poses as ours."""
    structlog.get_logger().bind(
        text=CANARY, time=CANARY, level=CANARY, library=CANARY, at=[CANARY], cause=CANARY
    ).info("noticed")
    assert lines(logs) == [{"event": "noticed", "level": "info", "dropped": 5}]


def test_an_error_is_its_type_and_place(logs: io.StringIO) -> None:
    """The type, its cause's type and our own frames are written, never a message."""
    try:
        fail(Place("t", "c", CANARY).broken(), KeyError(CANARY))
    except SealBroken:
        structlog.get_logger().exception("failed", text=CANARY)
    (line,) = lines(logs)
    assert (line["error"], line["cause"], line["dropped"]) == ("vault.errors.SealBroken", ["KeyError"], 1)
    assert set(line) == {"event", "level", "error", "cause", "dropped"}


def test_an_error_in_our_code_is_located(logs: io.StringIO) -> None:
    """File and line of our packages' frames show where, and no one else's frames do."""
    try:
        Keyring.from_environment("", None)
    except Exception as error:  # noqa: BLE001 - any error must be logged alike
        structlog.get_logger().error("failed", exc_info=error)
    (line,) = lines(logs)
    (place,) = line["at"]
    assert place.startswith("vault/keyring.py:")


def test_a_group_names_what_it_holds(logs: io.StringIO) -> None:
    """Errors of several tasks are all named."""
    group = ExceptionGroup(CANARY, [ValueError(CANARY), KeyError(CANARY)])
    structlog.get_logger().error("failed", exc_info=group)
    assert lines(logs)[0]["cause"] == ["ValueError", "KeyError"]


@pytest.mark.parametrize(
    "name", ["aiogram.dispatcher", "telegram.ext", "httpx", "apscheduler", "sqlalchemy.engine"]
)
def test_other_libraries_lose_their_words(logs: io.StringIO, name: str) -> None:
    """Of addresses with the token and of whole updates only logger, line, level and error type remain."""
    logger = logging.getLogger(name)
    try:
        fail(OSError(CANARY), None)
    except OSError:
        logger.exception("POST https://example.org/bot%s", CANARY, extra={"chat": CANARY}, stack_info=True)
    logger.warning(CANARY)
    first, second = lines(logs)
    assert first.pop("line").isdigit()
    assert second.pop("line").isdigit()
    assert first == {"event": "library_record", "level": "error", "library": name, "error": "OSError"}
    assert second == {"event": "library_record", "level": "warning", "library": name}


def test_a_librarys_own_handler_is_taken_away(logs: io.StringIO) -> None:
    """A library that came with a handler does not write past the filter."""
    own = io.StringIO()
    logger = logging.getLogger("httpx.own")
    logger.addHandler(logging.StreamHandler(own))
    logger.propagate = False
    configure_logs(logs, logging.DEBUG)
    logger.error(CANARY)
    assert own.getvalue() == ""
    assert [line["library"] for line in lines(logs)] == ["httpx.own"]


@pytest.mark.parametrize("level", [1, 15, 25, 35, 99])
def test_odd_levels_are_written(logs: io.StringIO, level: int) -> None:
    """A library with levels of its own neither fails nor gets through unfiltered."""
    logging.root.setLevel(1)
    logging.getLogger(f"лог {CANARY}").log(level, CANARY)
    assert [line["library"] for line in lines(logs)] == ["unnamed"]


def test_levels_are_obeyed(logs: io.StringIO) -> None:
    """Below the level nothing is written, by us or by others."""
    configure_logs(logs, logging.WARNING)
    structlog.get_logger().info("noticed")
    logging.getLogger("httpx").info("noticed")
    assert lines(logs) == []


def test_warnings_lose_their_words(logs: io.StringIO) -> None:
    """A Python warning may quote a value; it is filtered like any record."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn(CANARY, UserWarning, stacklevel=1)
    assert [line["library"] for line in lines(logs)] == ["py.warnings"]


async def test_a_loop_error_is_its_type(logs: io.StringIO) -> None:
    """What no task awaited is logged without the task's repr, which holds arguments."""
    context = {"message": CANARY, "exception": ValueError(CANARY), "future": CANARY}
    report_loop_error(asyncio.get_running_loop(), context)
    report_loop_error(asyncio.get_running_loop(), {"message": CANARY})
    assert [line for line in lines(logs) if line["event"] == "loop_error"] == [
        {"event": "loop_error", "level": "error", "error": "ValueError"},
        {"event": "loop_error", "level": "error"},
    ]


PROGRAM = f"""
import gc, sys, threading
from vault.logs import configure_logs
configure_logs(sys.stderr)
def fail():
    word = "{CANARY}"
    raise ValueError(word)
class Falls:
    def __del__(self):
        fail()
thread = threading.Thread(target=fail, name="{CANARY}")
thread.start()
thread.join()
Falls()
gc.collect()
fail()
"""


def test_uncaught_errors_of_a_process_are_filtered() -> None:
    """A process that dies, in main, in a thread or in a destructor, says the type and nothing more."""
    root = Path(__file__).resolve().parents[3]
    ended = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", PROGRAM], cwd=root, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    events = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [each["event"] for each in events] == ["uncaught_thread_error", "unraisable_error", "uncaught_error"]
    assert {each["error"] for each in events} == {"ValueError"}
    assert CANARY not in ended.stderr


values = st.recursive(
    st.just(CANARY) | st.just(Secret(CANARY)) | st.just(CANARY.encode()) | st.builds(ValueError, st.just(CANARY)),
    lambda inner: (
        st.lists(inner, max_size=2) | st.tuples(inner) | st.dictionaries(st.just(CANARY), inner, max_size=1)
    ),
    max_leaves=4,
)
keys = st.text(max_size=5) | st.sampled_from(
    ["event", "error", "exc_info", "id", "count", "seconds", "role", "at"]
)


@given(st.dictionaries(keys, values, max_size=5))
def test_no_entry_lets_a_canary_through(entry: dict[str, object]) -> None:
    """Whatever is logged under whatever key, text from outside does not come out."""
    given_level: dict[str, object] = {"level": "info"}
    assert CANARY not in json.dumps(redact(None, "info", entry | given_level))


async def test_the_vaults_own_failures_are_silent_about_content(logs: io.StringIO, vault: Vault) -> None:
    """A failing vault under full logs, database engine included, writes no content and no key."""
    await vault.create(SUBJECT)
    sealed = await vault.seal(SUBJECT, Compartment.story, CANARY.encode(), Place("t", "c", 1))
    with pytest.raises(SealBroken) as caught:
        await vault.open(SUBJECT, Compartment.story, sealed, Place("t", "c", 2))
    structlog.get_logger().error("failed", exc_info=caught.value, sealed=sealed, vault=vault)
    assert logs.getvalue()
    assert CANARY not in logs.getvalue()
