"""Nothing that was written is left out of the process."""

from importlib import import_module
from pathlib import Path

import bot
import handlers
import services
from bot.parts import CONVERSATIONS, ERRANDS, JOBS

INNER = {"handlers.ballot", "handlers.emergency", "handlers.people"}
"""Routers that another conversation includes."""


def modules(package: object) -> list[str]:
    """The modules of a package."""
    folder = Path(package.__path__[0])  # type: ignore[attr-defined] # a package
    return [f"{folder.name}.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__"]


def test_every_conversation_is_heard_and_the_stray_ones_come_last() -> None:
    """Each handler module with a router is asked, directly or by the one that includes it."""
    made = {name for name in modules(handlers) if hasattr(import_module(name), "build_router")}
    assert {module.__name__ for module in CONVERSATIONS} == made - INNER
    assert CONVERSATIONS[-1].__name__ == "handlers.stray"


def test_every_job_is_run_once() -> None:
    """Each job of each service is on the clock, under a name of its own."""
    written = [job for name in modules(services) for job in getattr(import_module(name), "JOBS", ())]
    names = [job.name for job in JOBS]
    assert {job.name for job in written} <= set(names)
    assert len(names) == len(set(names))


def test_every_errand_is_run() -> None:
    """Each module of errands is on the list."""
    written = {
        each.name
        for name in set(modules(bot)) - {"bot.parts"}
        for each in getattr(import_module(name), "ERRANDS", ())
    }
    assert {errand.name for errand in ERRANDS} == written
