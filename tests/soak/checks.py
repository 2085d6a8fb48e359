"""What must be true at the end, whatever was killed in between: of the data, of the books, of what people saw.

Each check gives findings in plain words; none means that all is well.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from models.case import CaseStatus
from models.grant import GrantStatus, PayoutStatus
from models.mail import EffectStatus, EventStatus
from tests.soak.applicant import FOLLOW_UPS, NEWS, Applicant
from tests.soak.docket import ENDS, PAID_FATES, Docket, Fate
from tests.soak.hearing import Hearing
from tests.soak.snapshot import Snapshot
from tests.soak.volunteer import Reviewer, Treasurer
from tests.soak.watcher import Watcher

NEWS_OF = {
    Fate.PAID: 2, Fate.BIG: 2, Fate.ASKED: 3, Fate.APPEALED: 3,
    Fate.DECLINED: 1, Fate.WITHDRAWN: 0, Fate.ERASED: 0, Fate.ABANDONED: 0,
}  # fmt: skip
"""How often an applicant is told that there is news: a question, the decision, the payment."""

TIMES_ASKED = 3
"""How often each follow-up comes to somebody who never answers: once, and the policy's two repeats."""


def check_cases(there: Snapshot, docket: Docket) -> Iterator[str]:
    """Every case is where its script leads, and nobody has two."""
    by_code = {str(case.code): case for case in there.cases}
    erased = [script for script in docket.scripts if ENDS[script.fate] is CaseStatus.SHREDDED]
    for script in docket.scripts:
        if script.code is None and script.fate is not Fate.ABANDONED:
            yield f"applicant {script.number} ({script.fate}) never saw their code"
        if script in erased:
            if script.code in by_code:
                yield f"case {script.number} ({script.fate}) can be found by its code"
            continue
        case = by_code.pop(script.code or "", None)
        if case is None:
            yield f"case {script.number} ({script.fate}) is lost"
        elif case.status is not ENDS[script.fate]:
            yield f"case {script.number} ({script.fate}) is {case.status}"
    statuses = Counter(case.status for case in by_code.values())
    if statuses != Counter({CaseStatus.SHREDDED: len(erased)}):
        yield f"there are cases that nobody began, or that were to be erased: {statuses}"


def check_payouts(there: Snapshot, docket: Docket) -> Iterator[str]:
    """One grant for each case that is to be paid, one payment of each, one act at a bank for each."""
    expected = sum(script.fate in PAID_FATES for script in docket.scripts)
    paid = {grant.id: grant.number for grant in there.grants if grant.status is GrantStatus.PAID}
    if len(paid) != expected or len(there.grants) != expected:
        yield f"{len(paid)} of {len(there.grants)} grants are paid, and {expected} were to be"
    payouts = Counter(payout.grant_id for payout in there.payouts if payout.status is PayoutStatus.PAID)
    yield from (
        f"grant {paid.get(key, key)} was paid {times} times" for key, times in payouts.items() if times > 1
    )
    if payouts.keys() != paid.keys() or len(there.payouts) != expected:
        yield f"{len(there.payouts)} payouts for {len(paid)} paid grants"
    for number, who in docket.payments.items():
        if len(who) > 1:
            yield f"grant {number} was paid at the bank by {', '.join(who)}"
    if set(docket.payments) != set(paid.values()):
        yield "what was paid at the bank is not what the books say"


def check_books(there: Snapshot, money: int) -> Iterator[str]:
    """Postings sum to zero and to the balances; what is reserved are the open grants; nothing is missing."""
    if sum(posting.amount for posting in there.postings) != 0:
        yield "the postings do not sum to zero"
    sums: Counter[object] = Counter()
    for posting in there.postings:
        sums[posting.account_id] += posting.amount
    yield from (f"balance of {each.name} is wrong" for each in there.accounts if each.balance != sums[each.id])
    balances = {each.name.partition(":")[0]: each.balance for each in there.accounts}
    reserved = sum(grant.amount for grant in there.grants if grant.status is GrantStatus.RESERVED)
    spent = sum(grant.amount for grant in there.grants if grant.status is GrantStatus.PAID)
    if balances["reserved"] != reserved:
        yield f"reserved is {balances['reserved']}, and open grants are {reserved}"
    if balances["fund"] != money - spent - reserved:
        yield f"the fund has {balances['fund']} of {money}, with {spent} paid"


def check_mail(there: Snapshot) -> Iterator[str]:
    """Everything heard was handled, everything said was delivered; the log of acts is whole."""
    events = Counter(event.status for event in there.events)
    if set(events) - {EventStatus.DONE}:
        yield f"events: {events}, with {Counter(event.error for event in there.events)}"
    effects = Counter(effect.status for effect in there.effects)
    if set(effects) - {EffectStatus.DONE}:
        failed = [(each.kind, each.error) for each in there.effects if each.status is not EffectStatus.DONE]
        yield f"effects: {effects}, with {Counter(failed)}"
    if not there.audit_whole:
        yield "the audit log is not whole"


def check_applicants(hearing: Hearing, applicants: Sequence[Applicant]) -> Iterator[str]:
    """Each was told of each thing exactly as often as it happened."""
    for applicant in applicants:
        script, me = applicant.script, applicant.me
        expected = {NEWS: NEWS_OF[script.fate]}
        asked = 0 if script.fate not in PAID_FATES else 1 if script.good else TIMES_ASKED
        expected |= dict.fromkeys(FOLLOW_UPS, asked)
        for key, times in expected.items():
            heard = hearing.messages(me.person.id, key, me.language)
            if heard != times:
                yield f"case {script.number} ({script.fate}) was told {key} {heard} times, not {times}"


def check_volunteers(hearing: Hearing, watchers: Sequence[Watcher], docket: Docket) -> Iterator[str]:
    """Nobody was told the same thing of the same case twice, and treasurers heard of every payout."""
    paid = sum(script.fate in PAID_FATES for script in docket.scripts)
    big = sum(script.fate is Fate.BIG for script in docket.scripts)
    confirmations = 0
    for watcher in watchers:
        chat, language = watcher.me.person.id, watcher.me.language
        if isinstance(watcher, Reviewer):
            for key in watcher.tasks:
                yield from (f"said twice: {text}" for text in hearing.doubles(chat, key, language))
        elif isinstance(watcher, Treasurer):
            heard = hearing.messages(chat, "treasury.told.queued", language)
            if heard != paid:
                yield f"{watcher.me.person.name} was told of {heard} payouts, not {paid}"
            confirmations += hearing.messages(chat, "treasury.told.confirm", language)
    if confirmations != big:
        yield f"a second look was asked for {confirmations} times, not {big}"
