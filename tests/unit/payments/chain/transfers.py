"""What tests of transfers do: finish one, pay with the wallet's key behind the program's back."""

from bot.database import Resources
from models.chain import Trouble
from payments.chain import rows
from payments.chain.signing import address_of, sign, transfer
from payments.chain.values import Fees, Moved
from payments.rails.base import Order, Result
from payments.rails.stablecoin import Stablecoin as Rail
from tests.unit.payments.chain.conftest import PERSON, SECRET
from tests.unit.payments.chain.local_chain import GWEI, LocalChain

TOKENS = 150_000_000

OTHER = "0xde709f2102306220921060314715629080e2fb77"


async def finished(rail: Rail, resources: Resources, order: Order, result: Result) -> None:
    """Write the outcome into the books, as the executor does."""
    async with resources.unit() as unit:
        await rail.finish(unit, order, result)


async def pay_unseen(chain: LocalChain, rail: Rail, tokens: int = TOKENS) -> None:
    """A payment of the wallet that this database does not know, as of an instance whose backup was put back."""
    rules, nonce = (await rail.chains())[0].rules, chain.tester.get_nonce(address_of(SECRET))
    made = transfer(rules, nonce, Moved(PERSON, tokens, rules.token), 120_000, Fees(20 * GWEI, 4 * GWEI))
    chain.accept(sign(made, SECRET).raw)


async def trouble(resources: Resources, rail: Rail) -> Trouble | None:
    """Why the wallet cannot send."""
    chain = (await rail.chains())[0]
    async with resources.unit() as unit:
        return (await rows.wallet(unit, chain.rules.chain_id, chain.wallet)).trouble
