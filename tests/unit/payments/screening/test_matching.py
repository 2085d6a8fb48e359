"""Known variants of a name are a possible match, and known others are not: what the thresholds are made of."""

import pytest

from payments.screening.matching import ENOUGH, compare, hear
from payments.screening.sounds import Word, listen

SAME = [
    ("Владимир Владимирович Путин", "Vladimir Vladimirovich PUTIN"),
    ("Poutine Vladimir", "Путин Владимир Владимирович"),
    ("Wladimir Putin", "PUTIN, Vladimir Vladimirovich"),
    ("В. В. Путин", "PUTIN Vladimir Vladimirovich"),
    ("Putin V.V.", "PUTIN Vladimir Vladimirovich"),
    ("Alexander Lukaschenko", "LUKASHENKA Aliaksandr"),
    ("Muhammad Ali Hassan", "Mohammed Ali HASAN"),
    ("Jevgenij Prigozjin", "PRIGOZHIN Yevgeniy Viktorovich"),
    ("Petrov Ivan", "PETROV Ivan Sergeyevich"),
    ("Petrof Iwan", "Иван Петров"),
    ("Perov Ivan", "PETROV Ivan"),
    ("Bank Rossiya", "AKTSIONERNY BANK ROSSIYA"),
    ("Банк «Россия»", "BANK ROSSIYA"),
    ("Garantex Europe", "GARANTEX EUROPE OU"),
    ("ООО Ромашка Трейд", "ROMASHKA TRADE LLC"),
    ("Mr Ivan Petrov Moscow", "PETROV Ivan"),
    ("Ivan Petrov Moscow", "PETROV Ivan Sergeyevich"),
    ("Abdulla Achmedow", "AKHMEDOV Abdulla"),
    ("Хуссейн аль-Ахмад", "AL-AHMAD Hussein"),
    ("محمد حسن", "Mohammed HASSAN"),
]  # fmt: skip

OTHER = [
    ("Ivan Petrov", "Petr IVANCHENKO"),
    ("Ivan Petrov", "SIDOROV Ivan Sergeyevich"),
    ("Ivan Petrov", "IVAN"),
    ("Ivan", "PETROV Ivan"),
    ("Petrov", "PETROV Ivan"),
    ("Anna Smirnova", "SMIRNOV Oleg"),
    ("Ivan Alekseyevich Petrov", "PETROV Ivan Sergeyevich"),
    ("Ivan Popov", "POLOV Semyon"),
    ("I. Petrov", "PETROV Sergey"),
    ("I. P.", "PETROV Ivan"),
    ("Sberbank", "BANK ROSSIYA"),
    ("Bank Romashka", "BANK ROSSIYA"),
    ("ООО", "ROMASHKA OOO"),
    ("Trading House Sever", "TRADING HOUSE YUG"),
    ("John Smith", "SMIRNOV Ivan"),
    ("Kim Li", "KIM Chol"),
    ("", "PETROV Ivan"),
]  # fmt: skip


@pytest.mark.parametrize(("mine", "listed"), SAME)
def test_a_variant_is_a_possible_match(mine: str, listed: str) -> None:
    """Spelling, order, initials, a missing father, one slip of the finger, a town: a human gets to see it."""
    assert score(mine, listed) >= ENOUGH


@pytest.mark.parametrize(("mine", "listed"), OTHER)
def test_somebody_else_is_none(mine: str, listed: str) -> None:
    """A shared given name, a shared trade, a namesake with another father: nobody is asked about them."""
    assert score(mine, listed) == 0


def test_a_weak_alias_counts_when_it_is_the_whole_name() -> None:
    """`Max` as a weak alias of somebody must not stop each Max Petrov."""
    assert score("Max", "Max", weak=True) == 100
    assert score("Max Petrov", "Max", weak=True) == 0
    assert score("Abu Omar", "Abu Omar al-Shishani", weak=True) == 0


def test_a_single_word_needs_to_be_long_and_rare() -> None:
    """`Garantex` stands for `GARANTEX EUROPE OU`; a frequent word stands for nothing, nor does a short one."""
    assert score("Garantex", "GARANTEX EUROPE OU", rare=True) == 100
    assert score("Garantex", "GARANTEX EUROPE OU", rare=False) == 0
    assert score("Li", "LI Wei", rare=True) == 0
    assert score("Garantex Europe", "GARANTEX", rare=True) == 100


def score(mine: str, listed: str, *, weak: bool = False, rare: bool = False) -> int:
    """How near, as `check` compares."""
    ours, theirs = listen(mine), listen(listed)
    forms = sorted({form for word in theirs for form in word.forms})

    def is_rare(_: Word) -> bool:
        return rare

    return compare(ours, theirs, hear((f for word in ours for f in word.forms), forms), weak=weak, rare=is_rare)
