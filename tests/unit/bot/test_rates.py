"""No chat gets more than Telegram lets it have, however much there is to say."""

from hypothesis import given
from hypothesis import strategies as st

from bot.rates import Pace, Rates

PERSON, GROUP = 7, -1007
PAUSES = st.lists(st.floats(0, 10), min_size=1, max_size=40)


@given(chats=st.lists(st.sampled_from([PERSON, GROUP, 8]), min_size=1, max_size=8), pauses=PAUSES)
def test_no_chat_has_more_than_its_share(chats: list[int], pauses: list[float]) -> None:
    """Over any time a chat has its burst and one more for each second; a group twenty, and twenty a minute."""
    now = 0.0
    rates = Rates()
    pace = Pace(rates, lambda: now)
    sent: dict[int, list[float]] = {}
    for number, pause in enumerate(pauses):
        now += pause
        chat = chats[number % len(chats)]
        while pace.wait(chat) == 0:
            pace.spend(chat)
            sent.setdefault(chat, []).append(now)
    for chat, times in sent.items():
        for first, begin in enumerate(times):
            for count, end in enumerate(times[first:], 1):
                assert count <= rates.chat_burst + rates.chat_per_second * (end - begin) + 1e-6
                if chat < 0:
                    assert count <= rates.group_per_minute * (1 + (end - begin) / 60) + 1e-6


def test_who_waits_as_long_as_told_may_go_on() -> None:
    """A wait is exact: after it the next message may go, and not before."""
    now = 0.0
    pace = Pace(Rates(), lambda: now)
    for _ in range(30):
        now += (wait := pace.wait(GROUP))
        assert pace.wait(GROUP) <= 1e-9
        assert wait <= 60 / Rates().group_per_minute + 1e-9
        pace.spend(GROUP)


def test_loose_rates_never_wait() -> None:
    """On a server without limits nothing is held back."""
    pace = Pace(Rates.loose(), lambda: 0.0)
    for _ in range(1000):
        assert pace.wait(GROUP) == 0
        pace.spend(GROUP)
