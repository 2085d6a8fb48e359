"""The state of a conversation is a string: no two conversations may mean the same one by it."""

from collections import defaultdict
from collections.abc import Iterator

from aiogram import Router
from aiogram.filters import StateFilter
from aiogram.fsm.state import State, StatesGroup, StatesGroupMeta

from bot.parts import build_routers
from handlers.asked import CORRECT, WALK

SHARED = {"case:add": {"case", "attachments"}}
"""Words and files that are added to a case that was sent: two routers, on purpose."""


def routers() -> Iterator[Router]:
    """All of them, with those inside others."""
    for router in build_routers():
        yield from router.chain_tail


def waiting(router: Router) -> Iterator[str]:
    """The states in which a router takes a message."""
    for handler in router.message.handlers:
        for each in handler.filters or ():
            if isinstance(each.callback, StateFilter):
                for state in each.callback.states:
                    yield from named(state)


def named(state: object) -> Iterator[str]:
    """The strings that a state, or each state of a group, is stored as."""
    if isinstance(state, State):
        yield str(state.state)
    elif isinstance(state, StatesGroupMeta):
        yield from state.__all_states_names__
    else:
        assert isinstance(state, str)
        yield state


def test_no_two_groups_have_a_name_in_common() -> None:
    """The library stores `Group:state` without the module: one of the same name elsewhere takes its messages."""
    assert list(routers())
    groups = [group for group in StatesGroup.__subclasses__() if group.__module__.startswith("handlers.")]
    names = [group.__full_group_name__ for group in groups]
    assert len(names) > 5
    assert sorted(names) == sorted(set(names))


def test_every_state_is_one_conversations() -> None:
    """What is typed reaches the conversation that waits for it, and no other."""
    takers: dict[str, set[str]] = defaultdict(set)
    for router in routers():
        for state in waiting(router):
            takers[state].add(router.name)
    assert len(takers) > 15
    assert {state: names for state, names in takers.items() if len(names) > 1} == SHARED
    assert not [state for state in takers if state.partition(":")[0] in {WALK, CORRECT}]
