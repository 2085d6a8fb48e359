"""`stablecoin`: an ERC-20 token on a public chain, from a hot wallet or by batches for a hardware wallet.

- Open only when the policy has its section, its rate is fresh, `PLECHO_CHAIN_URL` is set and there is a wallet.
  Whoever does not use it loads nothing of web3.
- The person is granted in the fund's currency and told an amount in the token's, by the policy's rate. From there
  on the amount is exact (docs/decisions/0009-stablecoin.md).
- The rows of `models.chain` are the truth about nonces and signatures; this module turns them into outcomes.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from models.chain import TRANSFER_ALLOWED, ChainTransfer, ChainWallet, TransferStatus, Trouble
from models.errors import BadInput, MoneyRefused
from models.policy import Stablecoin as Rules
from models.states import move
from models.unit import Unit
from payments.chain import rows
from payments.chain.amounts import GWEI, exchanged, to_money, to_tokens, worth
from payments.chain.values import Moved, NodeFailed
from payments.ledger import Purpose
from payments.money import Money
from payments.rails.base import Held, Order, Outcome, Quote, Result
from payments.screening import Subject, SubjectKind, check
from payments.screening.lists import stale

if TYPE_CHECKING:
    from payments.chain.node import Node
    from payments.chain.sending import Chain, OpenUnit

CLOSED: Final = "stablecoin.refused.closed"
NAME: Final = "stablecoin"

FRESH: Final = timedelta(hours=1)
"""How long the chain's price is good for a quote; after that the most that the policy pays is quoted."""

LEAST: Final = timedelta(seconds=15)
"""Between two looks at a wallet's transfers, however fast the chain is."""

OUTCOMES: Final = {
    TransferStatus.PREPARED: Outcome.ABSENT,
    TransferStatus.ISSUED: Outcome.PENDING,
    TransferStatus.DONE: Outcome.DONE,
    TransferStatus.FINAL: Outcome.DONE,
    TransferStatus.ODD: Outcome.UNKNOWN,
    TransferStatus.FAILED: Outcome.FAILED,
    TransferStatus.CANCELLED: Outcome.FAILED,
}
REFUSALS: Final = frozenset({"IsContract", "WouldRevert"})
"""Errors that are about the destination, not about the rail."""


class CapReached(MoneyRefused):
    """As much as may leave a wallet within a day has left it, or waits to."""

    key = "stablecoin.refused.cap"


class Stablecoin:
    """The rail. Without addresses of nodes, or a way to open units, it refuses to pay."""

    name = NAME
    title = "stablecoin.rail"
    statement = "stablecoin.statement"
    currencies: frozenset[str] | None = None
    screened = True
    needs_destination = True
    reports_back = False
    account: Purpose | None = None

    def __init__(self, urls: Sequence[str] = (), open_unit: "OpenUnit | None" = None) -> None:
        self._urls = urls
        self._open_unit = open_unit
        self._nodes: tuple[Node, ...] = ()
        self._chains: tuple[Chain, ...] | None = None

    async def refuses(self, unit: Unit, money: Money) -> str | None:
        """Closed, an old rate, a wallet in trouble, an amount above what may leave within a day."""
        rules, chain = unit.policy.stablecoin, self._current(unit)
        if rules is None or chain is None or money.amount <= 0 or money.currency != unit.policy.currency:
            return CLOSED
        if not rules.rate_at <= unit.now.date() <= rules.rate_at + timedelta(days=rules.rate_days):
            return "stablecoin.refused.rate"
        if await stale(unit):
            return "screening.refused.stale"
        pays = exchanged(money, rules.rate, rules.currency)
        purse = await rows.peek(unit, rules.chain_id, chain.wallet)
        spent = await rows.spent(unit, purse) if purse else 0
        if pays.amount <= 0 or spent + pays.amount > rules.daily_cap:
            return CapReached.key
        return CLOSED if purse and purse.trouble not in {None, Trouble.STRAY} else None

    async def quote(self, unit: Unit, money: Money) -> Quote:
        """What reaches the person in the token's currency, and the fee by the chain's price of now."""
        rules, chain = _rules(unit), self._current(unit)
        purse = await rows.peek(unit, rules.chain_id, chain.wallet) if chain else None
        fee = worth(_price(unit, rules, purse) * rules.gas_limit, rules.coin_rate, unit.policy.currency)
        takes = timedelta(seconds=rules.block_seconds * rules.confirmations)
        return Quote(exchanged(money, rules.rate, rules.currency), fee, takes, self.statement)

    async def prepare(self, unit: Unit, order: Order) -> bytes | None:
        """Check destination and amount, count it for the day, and write the transfer down; safe to repeat.

        Raises `BadInput` for a destination or amount that cannot be, `CapReached`, `MoneyRefused` when the rail is
        closed or the address is on a sanctions list.
        """
        rules, chain = _rules(unit), self._current(unit)
        if chain is None:
            raise MoneyRefused(CLOSED)
        if order.money.currency != rules.currency:
            raise BadInput("stablecoin.bad.amount")
        to = check_destination(unit, order.destination, chain.wallet)
        asked = Moved(to, to_tokens(order.money, rules.decimals), chain.rules.token)
        if why := (await check(unit, Subject(SubjectKind.WALLET, to))).why:
            raise MoneyRefused(why)
        purse = await rows.wallet(unit, rules.chain_id, chain.wallet)
        if await rows.transfer(unit, order.attempt) is not None:
            return None
        if await rows.spent(unit, purse) + order.money.amount > rules.daily_cap:
            raise CapReached
        cold = chain.wallet if chain.secret is None else None
        await rows.add(unit, purse, order.attempt, order.money.amount, asked, rules.decimals, cold)
        return None

    async def execute(self, order: Order) -> Result:
        """Sign and send what was prepared, or send again what was signed; `ABSENT` while the wallet is short.

        What was prepared in another token than the policy's fails: nothing of it is signed, here or elsewhere.
        """
        from payments.chain import events, sending, watching  # noqa: PLC0415 - web3 takes a second to load

        chain, row = await self._of(order.attempt)
        if chain is None or row is None:
            return await self._unwatched(row)
        try:
            if row.status == TransferStatus.PREPARED and chain.secret is not None:
                await events.scan(chain)
                await sending.issue(chain, order.attempt)
                await sending.send(chain, order.attempt)
            elif row.status == TransferStatus.PREPARED:
                await sending.refuse_former(chain, order.attempt)
            await watching.tend(chain, order.attempt)
        except NodeFailed as failed:
            return await self._result(order.attempt, str(failed), away=True)
        return await self._result(order.attempt)

    async def look_up(self, order: Order) -> Result:
        """What the chain knows of the order, by the word of every node."""
        from payments.chain import watching  # noqa: PLC0415 - as above

        chain, row = await self._of(order.attempt)
        if chain is None or row is None:
            return await self._unwatched(row)
        try:
            judgement = await watching.look(chain, order.attempt)
        except NodeFailed as failed:
            return await self._result(order.attempt, str(failed), away=True)
        if judgement is not None:
            await watching.settle(chain, order.attempt, judgement)
        return await self._result(order.attempt)

    async def cancel(self, order: Order) -> bool:
        """Cancel what is not signed; race what is signed with a payment of nothing, as `look_up` tells later."""
        from payments.chain import sending  # noqa: PLC0415 - as above

        chain, row = await self._of(order.attempt)
        if chain is None:
            return row is None
        return await sending.cancel(chain, order.attempt) is sending.Stopping.NEVER

    async def finish(self, unit: Unit, order: Order, result: Result) -> None:
        """Note that the outcome is in the books: what leads to the chain may go once it is final.

        Of an odd transfer only people know the outcome; then it is theirs. What was not signed never will be.
        """
        row = await rows.transfer(unit, order.attempt, lock=True)
        if row is not None and row.status == TransferStatus.ODD:
            await rows.decide(unit, row, paid=result.outcome == Outcome.DONE)
        if row is not None and row.status == TransferStatus.PREPARED:
            await move(unit, row, TransferStatus.CANCELLED, TRANSFER_ALLOWED, rows.ACTOR)
        if row is not None and result.outcome in {Outcome.DONE, Outcome.FAILED, Outcome.REFUSED}:
            row.recorded = True
            await rows.forget(unit, row)

    async def may_still_pay(self, unit: Unit, attempt: UUID) -> bool:
        """Whether a signed transaction may be on its way, or has paid."""
        row = await rows.transfer(unit, attempt)
        return row is not None and row.status in {
            TransferStatus.ISSUED, TransferStatus.DONE, TransferStatus.FINAL,
        }  # fmt: skip

    async def held(self) -> Sequence[Held]:
        """What each wallet holds at the last block that was read, in whole minor units of the token's currency."""
        from payments.chain import events  # noqa: PLC0415 - as above

        found = []
        for chain in await self.chains():
            try:
                await events.scan(chain)
                async with chain.open_unit() as unit:
                    purse = await rows.peek(unit, chain.rules.chain_id, chain.wallet)
                known = events.must_hold(purse, chain) if purse else None
                if purse is not None and purse.scanned_to is not None and known is not None:
                    there = await events.held(chain, purse.scanned_to)
                    sums = [to_money(tokens, chain.rules) for tokens in (known, there)]
                    found.append(Held(f"wallet:{purse.id}", *sums))
            except NodeFailed:
                found.append(Held("wallet", Money(0, chain.rules.currency), None))
        return found

    async def probe(self) -> bool:
        """Whether the first node answers and serves the right chain; notes the price for quotes."""
        from payments.chain import sending  # noqa: PLC0415 - as above

        chains = await self.chains()
        if not chains:
            return False
        try:
            await sending.recheck(chains[0])
        except NodeFailed:
            return False
        return True

    async def chains(self) -> "tuple[Chain, ...]":
        """The wallets of the fund: the one that pays now first, then those that it used before."""
        if self._open_unit is None:
            return ()
        async with self._open_unit() as unit:
            return await self._all(unit)

    async def due(self, unit: Unit) -> Sequence[UUID]:
        """Wallets whose transfers and prices are to be looked at again; one look about every block."""
        rules = unit.policy.stablecoin
        if rules is None:
            return ()
        before = unit.now - max(timedelta(seconds=rules.block_seconds), LEAST)
        found = [await rows.peek(unit, rules.chain_id, chain.wallet) for chain in await self._all(unit)]
        return [purse.id for purse in found if purse and (purse.watched_at is None or purse.watched_at <= before)]

    async def watch(self, wallet: UUID) -> None:
        """Look at everything that one wallet has out, and at what the chain asks for now. Network."""
        from payments.chain import sending, watching  # noqa: PLC0415 - as above

        for chain in await self.chains():
            async with chain.open_unit() as unit:
                purse = await rows.wallet(unit, chain.rules.chain_id, chain.wallet)
                if purse.id != wallet:
                    continue
                purse.watched_at = unit.now
            try:
                await watching.watch(chain)
                await sending.recheck(chain)
            except NodeFailed:
                continue

    def check_destination(self, unit: Unit, typed: str) -> None:
        """Refuse what is no address to which this rail may pay, before anybody agrees to it. Raises `BadInput`."""
        chain = self._current(unit)
        check_destination(unit, typed, *([chain.wallet] if chain else []))

    async def close(self) -> None:
        """Close the connections to the nodes."""
        for node in self._nodes:
            await node.close()

    def _current(self, unit: Unit) -> "Chain | None":
        """The wallet that pays now; none when the rail is not set up."""
        if self._chains is None and self._urls and self._open_unit and unit.policy.stablecoin:
            from payments.chain.node import connect  # noqa: PLC0415 - as above
            from payments.chain.wallets import open_chains  # noqa: PLC0415

            self._nodes = connect(self._urls)
            self._chains = open_chains(unit, self._open_unit, self._nodes)
        return self._chains[0] if self._chains else None

    async def _all(self, unit: Unit) -> "tuple[Chain, ...]":
        self._current(unit)
        if self._chains is None or self._open_unit is None:
            return ()
        from payments.chain.wallets import open_former  # noqa: PLC0415 - as above

        return *self._chains, *await open_former(unit, self._open_unit, self._nodes, self._chains)

    async def _of(self, attempt: UUID) -> "tuple[Chain | None, ChainTransfer | None]":
        """An attempt's transfer, and the wallet that it was prepared for."""
        chains = await self.chains()
        if self._open_unit is None:
            return None, None
        async with self._open_unit() as unit:
            row = await rows.transfer(unit, attempt)
            for chain in chains if row else ():
                purse = await rows.peek(unit, chain.rules.chain_id, chain.wallet)
                if row and purse and purse.id == row.wallet_id:
                    return chain, row
        return None, row

    async def _unwatched(self, row: ChainTransfer | None) -> Result:
        """An answer without a way to the chain; of what that could still change, the rail fails to tell."""
        if row is None:
            return Result(Outcome.ABSENT, error="NotPrepared")
        over = row.status in rows.OVER
        return await self._result(row.attempt, None if over else "NoWallet", away=not over)

    async def _result(self, attempt: UUID, error: str | None = None, *, away: bool = False) -> Result:
        if self._open_unit is None:
            return Result(Outcome.UNKNOWN, error=error, away=away)
        async with self._open_unit() as unit:
            row = await rows.transfer(unit, attempt)
            if row is None:
                return Result(Outcome.ABSENT, error=error, away=away)
            purse = await unit.session.get_one(ChainWallet, row.wallet_id)
            made = await rows.transactions(unit, row)
            names = [rows.hash_of(unit, one) for one in made if not one.cancels]
            outcome = Outcome.DONE if row.error == rows.PAID_AFTER_ALL else OUTCOMES[row.status]
            if row.status == TransferStatus.FAILED and row.error in REFUSALS:
                outcome = Outcome.REFUSED
            hold = "screening.refused.blocked" if row.error == rows.LISTED else None
            if row.status == TransferStatus.PREPARED and purse.trouble is not None:
                error = error or f"Wallet{purse.trouble.title()}"
        name = "0x" + names[0].hex() if names else None
        odd = row.status == TransferStatus.ODD
        anew = row.status == TransferStatus.FAILED and row.error == rows.TOKEN_CHANGED
        return Result(outcome, name, row.error or error, away, for_people=odd, hold=hold, anew=anew)


def check_destination(unit: Unit, typed: str, *own: str) -> str:
    """The address that a person typed, with its checksum. Raises `BadInput` that says what is wrong with it."""
    from payments.chain.address import checked  # noqa: PLC0415 - as above

    return checked(typed, (_rules(unit).token, *own))


def _rules(unit: Unit) -> Rules:
    if unit.policy.stablecoin is None:
        raise MoneyRefused(CLOSED)
    return unit.policy.stablecoin


def _price(unit: Unit, rules: Rules, purse: ChainWallet | None) -> int:
    """Wei per gas that a transfer is likely to cost; never more than the policy pays."""
    cap = rules.max_fee_gwei * GWEI
    if purse is None or purse.seen_at is None or purse.seen_at + FRESH < unit.now:
        return cap
    return min((purse.base_fee or 0) + (purse.priority_fee or 0), cap)
