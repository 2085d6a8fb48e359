"""Which routers and jobs the process has. Routers are asked in this order; the stray ones come last."""

from importlib import import_module
from importlib.util import find_spec

from aiogram import Router

from bot import inbox
from bot.errands import Errand
from services.jobs import Job

CONVERSATIONS = (
    "start", "intake", "attachments", "case", "recovery", "relay", "volunteers", "group", "review", "reading", "mine",
    "treasury", "followup", "danger", "desk", "stray",
)  # fmt: skip
SERVICES = (
    "messages", "intake", "attachments", "erasure", "recovery", "review", "volunteers", "group", "reading",
    "voting", "relay", "panel", "card", "news", "standing", "treasury", "followup", "danger", "retention", "audit",
)  # fmt: skip

ERRANDS = ("fetcher", "groupcheck")


def build_routers() -> list[Router]:
    """A fresh router of each conversation: a router can be attached only once."""
    names = [f"handlers.{name}" for name in CONVERSATIONS]
    return [import_module(name).build_router() for name in names if find_spec(name)]


def all_errands() -> list[Errand]:
    """What is asked of Telegram between two transactions."""
    names = [f"bot.{name}" for name in ERRANDS]
    return [errand for name in names if find_spec(name) for errand in import_module(name).ERRANDS]


def all_jobs() -> list[Job]:
    """The jobs of the inbox and of every service that has any."""
    names = [f"services.{name}" for name in SERVICES]
    modules = [import_module(name) for name in names if find_spec(name)]
    return [*inbox.JOBS, *(job for module in modules for job in getattr(module, "JOBS", ()))]
