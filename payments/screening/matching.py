"""How near two names are: pure, over the sounds of each.

- Words are paired, each with one other, in whatever order they stand. Two words are alike from `LIKE` on, or when
  their consonants are the same (Mohammed, Muhammad).
- Every word of the shorter name has to find its pair: the longer one may have a patronymic or a firm's trade more.
  Of three or more words one may be left alone when one name has a patronymic there and the other has none (a
  title, a town): not two unlike patronymics, nor two firms of the same trade.
- Two words have to agree at least, or one and an initial. A single word is enough when both names have one only,
  or when it is long and stands in few names of the lists (`rare`), as a firm's own name does.
- A weak alias counts when the whole name is the same.

Numbers are reasoned here and held by `tests/unit/payments/screening/test_matching.py`: known variants are found,
known others are not. Too much goes to a human, who decides; too little would go nowhere.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from payments.screening.sounds import FEWEST, VOWELS, Sounds, Word, key_of

LIKE: Final = 84
"""Of `rapidfuzz.fuzz.ratio`: one letter more or less in six is 92, one other letter in seven is 86, in five 80."""

SAME_CONSONANTS: Final = 88
SURE_CONSONANTS: Final = 3
INITIAL: Final = 90
ENOUGH: Final = 86
"""From this mean on, weighted by length, two names are a possible match."""

WHOLE: Final = 95
"""What a weak alias or a single word must reach."""

LONG: Final = 5
"""Letters of a single word that may stand for a longer name."""

LEFT_ALONE: Final = 6
"""Taken off when one word found no pair."""

SPARE: Final = 3
"""Words of the shorter name from which on one may be left alone."""

PATRONYMIC: Final = ("vig", "viq", "vna", "iqna", "liq")
"""Ends of patronymics as they sound: -ovich, -ovna, -ichna; Ilyich."""

Pairs = Sequence[tuple[int, int, int]]
"""Score, place in one name, place in the other."""

Alike = Callable[[Word, Word], int]
"""0 to 100."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Which forms of listed names are like which forms of the subject's: worked out once for all candidates."""

    scores: Mapping[tuple[str, str], int]

    def __call__(self, mine: Word, theirs: Word) -> int:
        """How alike two words are, by their nearest forms; an initial is like what begins with it."""
        if mine.initial or theirs.initial:
            starts = any(a[0] == b[0] for a in mine.forms for b in theirs.forms)
            return INITIAL if starts else 0
        return max(self.scores.get((a, b), 0) for a in mine.forms for b in theirs.forms)


def hear(mine: Iterable[str], theirs: Sequence[str]) -> Heard:
    """Compare forms of a subject with many others at once. The others should be told once each."""
    from rapidfuzz import fuzz, process  # noqa: PLC0415 - only a fund that screens needs it

    by_key: dict[str, list[str]] = {}
    for form in theirs:
        by_key.setdefault(key_of(form), []).append(form)
    scores: dict[tuple[str, str], int] = {}
    for form in set(mine):
        for same in by_key.get(key_of(form), ()):
            if sum(letter not in VOWELS for letter in form) >= max(SURE_CONSONANTS, FEWEST):
                scores[form, same] = SAME_CONSONANTS
        near = process.extract(form, theirs, scorer=fuzz.ratio, score_cutoff=LIKE, limit=None)
        for other, score, _ in near:
            scores[form, other] = max(int(score), scores.get((form, other), 0))
    return Heard(scores)


def compare(mine: Sounds, theirs: Sounds, alike: Alike, *, weak: bool, rare: Callable[[Word], bool]) -> int:
    """How near two names are, 0 to 100; 0 for all below `ENOUGH`, and for what the rules above leave out."""
    ours, others = _telling(mine), _telling(theirs)
    if not ours or not others:
        return 0
    pairs = _paired(ours, others, alike)
    if weak:
        whole = len(pairs) == len(ours) == len(others) and all(score >= WHOLE for score, _, _ in pairs)
        return _mean(pairs, ours) if whole else 0
    if min(len(ours), len(others)) == 1:
        return _single(pairs, ours, others, rare)
    return _several(pairs, ours, others)


def _telling(name: Sounds) -> list[Word]:
    return [word for word in name if not word.empty]


def _paired(ours: Sequence[Word], others: Sequence[Word], alike: Alike) -> list[tuple[int, int, int]]:
    """As many pairs as there can be, each word in one; the best ones, and whole words before initials."""
    scored = [
        (score, -(word.initial or other.initial), i, j)
        for i, word in enumerate(ours)
        for j, other in enumerate(others)
        if (score := alike(word, other))
    ]
    scores, chosen = {(i, j): score for score, _, i, j in scored}, dict[int, int]()
    for _, _, i, j in sorted(scored, key=lambda pair: (pair[1], pair[0]), reverse=True):
        if i not in chosen.values() and j not in chosen:
            chosen[j] = i
    if len(chosen) < min(len(ours), len(others)):
        for i in set(range(len(ours))) - set(chosen.values()):
            _rearrange(i, scores, chosen, set())
    return sorted(((scores[i, j], i, j) for j, i in chosen.items()), reverse=True)


def _rearrange(i: int, scores: Mapping[tuple[int, int], int], chosen: dict[int, int], tried: set[int]) -> bool:
    """Find a pair for a word that has none, by giving others another one (augmenting paths)."""
    for mine, j in scores:
        if mine == i and j not in tried:
            tried.add(j)
            if j not in chosen or _rearrange(chosen[j], scores, chosen, tried):
                chosen[j] = i
                return True
    return False


def _single(pairs: Pairs, ours: Sequence[Word], others: Sequence[Word], rare: Callable[[Word], bool]) -> int:
    if not pairs:
        return 0
    score, i, j = pairs[0]
    mine, theirs = ours[i], others[j]
    if score < WHOLE or mine.initial or theirs.initial:
        return 0
    if len(ours) == len(others):
        return score
    short = mine if len(ours) == 1 else theirs
    return score if len(short.forms[0]) >= LONG and rare(short) else 0


def _several(pairs: Pairs, ours: Sequence[Word], others: Sequence[Word]) -> int:
    full = [pair for pair in pairs if not (ours[pair[1]].initial or others[pair[2]].initial)]
    if len(pairs) < 2 or not full:  # noqa: PLR2004 - two words, as the module's rules say
        return 0
    alone = min(len(ours), len(others)) - len(pairs)
    if alone > (min(len(ours), len(others)) >= SPARE):
        return 0
    score = _mean(pairs, ours)
    if alone:
        if not _one_father(pairs, ours, others):
            return 0
        score -= LEFT_ALONE
    return score if score >= ENOUGH else 0


def _one_father(pairs: Pairs, ours: Sequence[Word], others: Sequence[Word]) -> bool:
    """Whether just one of the names has a patronymic among the words that found no pair."""
    mine, theirs = {i for _, i, _ in pairs}, {j for _, _, j in pairs}
    left = [word for i, word in enumerate(ours) if i not in mine]
    right = [word for j, word in enumerate(others) if j not in theirs]
    return any(map(_is_patronymic, left)) != any(map(_is_patronymic, right))


def _is_patronymic(word: Word) -> bool:
    return any(form.endswith(PATRONYMIC) for form in word.forms)


def _mean(pairs: Pairs, ours: Sequence[Word]) -> int:
    weights = [max(len(ours[i].forms[0]), 1) for _, i, _ in pairs]
    total = sum(score * weight for (score, _, _), weight in zip(pairs, weights, strict=True))
    return round(total / sum(weights))
