"""What a node of the chain is asked, by web3.py. The one module that touches the network.

- An answer is taken apart into values of ours at once; whatever is nonsense, late or refused is `NodeFailed`.
- No error's text leaves here: a node may quote an address.
- Several nodes may be named. Then a transfer is done, or has failed, only when all of them say so; a node that
  lies or lags makes the fund wait, and never pay twice. One alone is never believed that a transfer has failed.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, Final, TypeVar

from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError
from web3.middleware import ExtraDataToPOAMiddleware

from payments.chain.values import Event, Gauge, Missing, Moved, NodeFailed, Receipt, Refused

T = TypeVar("T")

TRANSFERRED: Final = bytes.fromhex("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
"""keccak("Transfer(address,address,uint256)"), the event of ERC-20."""

BALANCE_OF: Final = "0x70a08231"
"""Selector of `balanceOf(address)`."""

DECIMALS: Final = "0x313ce567"
"""Selector of `decimals()`."""

WORD: Final = 32
"""Bytes of one value in a contract's answers and events."""

DELEGATED: Final = bytes.fromhex("ef0100")
"""EIP-7702: an account of a person's own that lends itself code. It can spend what it is sent."""

REVERTED: Final = "revert"
"""How nodes begin to say that a contract would refuse a call."""

SECONDS: Final = 20.0
SPAN: Final = 1000
"""Blocks whose events are asked for at once; most nodes refuse more than a few thousand."""

KNOWN: Final = ("already known", "known transaction", "already imported", "nonce too low")
"""Words by which nodes say that they have it, or that its nonce has been used: the chain is asked then."""


class Node:
    """One node, by its JSON-RPC address."""

    def __init__(self, url: str, seconds: float = SECONDS) -> None:
        """`seconds`: how long any answer may take."""
        provider = AsyncHTTPProvider(url, exception_retry_configuration=None)
        self._provider = provider
        self._web3 = AsyncWeb3(provider)
        # Chains with appointed block makers (Polygon, BNB) put more into a block's header than web3 takes.
        self._web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        self._seconds = seconds

    async def close(self) -> None:
        """Close the connections."""
        await self._provider.disconnect()

    async def chain_id(self) -> int:
        """Which chain it serves."""
        return int(await self._ask(self._web3.eth.chain_id))

    async def head(self) -> int:
        """The number of the newest block."""
        return int(await self._ask(self._web3.eth.block_number))

    async def gauge(self) -> Gauge:
        """The base fee of the newest block, and the priority fee that the node suggests."""
        block = await self._ask(self._web3.eth.get_block("latest"))
        priority = await self._ask(self._web3.eth.max_priority_fee)
        return Gauge(_natural(block.get("baseFeePerGas")), _natural(priority))

    async def count(self, wallet: str, block: int | None = None) -> int:
        """How many transactions of the wallet are in the chain, up to a block or the newest one."""
        at: Any = "latest" if block is None else block
        return _natural(await self._ask(self._web3.eth.get_transaction_count(_address(wallet), at)))

    async def waiting(self, wallet: str) -> int:
        """The same, with those that wait in the node's pool."""
        return _natural(await self._ask(self._web3.eth.get_transaction_count(_address(wallet), "pending")))

    async def coins(self, wallet: str) -> int:
        """The chain's coin that the wallet holds, in wei."""
        return _natural(await self._ask(self._web3.eth.get_balance(_address(wallet))))

    async def tokens(self, token: str, wallet: str, block: int | None = None) -> int:
        """The token that the wallet holds, in its smallest units, at a block or the newest one."""
        data: Any = BALANCE_OF + wallet[2:].lower().rjust(64, "0")
        at: Any = "latest" if block is None else block
        answer = await self._ask(self._web3.eth.call({"to": _address(token), "data": data}, at))
        return int.from_bytes(bytes(answer), "big") if len(answer) == WORD else _nonsense()

    async def decimals(self, token: str) -> int:
        """How many decimals the token itself says that it has."""
        data: Any = DECIMALS
        answer = await self._ask(self._web3.eth.call({"to": _address(token), "data": data}))
        return int.from_bytes(bytes(answer), "big") if len(answer) == WORD else _nonsense()

    async def is_contract(self, address: str) -> bool:
        """Whether code of its own stands at an address, from which no person may be able to spend."""
        code = bytes(await self._ask(self._web3.eth.get_code(_address(address))))
        return bool(code) and not code.startswith(DELEGATED)

    async def gas(self, wallet: str, transaction: dict[str, Any]) -> int | None:
        """How much gas a call of the wallet's would use; None when the chain would not do it."""
        call: Any = {"from": _address(wallet), "to": _address(transaction["to"]), "data": transaction["data"]}
        try:
            return _natural(await self._ask(self._web3.eth.estimate_gas(call)))
        except Refused as refused:
            if REVERTED in refused.words:
                return None
            raise

    async def send(self, raw: bytes, name: bytes) -> bool:
        """Hand over a signed transaction; whether the node says that it has it. `name`: its hash."""
        try:
            answer = await self._ask(self._web3.eth.send_raw_transaction(HexBytes(raw)))
        except Refused as refused:
            return any(words in refused.words for words in KNOWN)
        if bytes(answer) != name:
            raise NodeFailed("WrongHash")
        return True

    async def knows(self, name: bytes) -> bool:
        """Whether the node has a transaction, in a block or waiting."""
        try:
            return bool(await self._ask(self._web3.eth.get_transaction(HexBytes(name))))
        except Missing:
            return False

    async def receipt(self, name: bytes, token: str, wallet: str) -> Receipt | None:
        """What became of a transaction; None while it is in no block of the chain as the node has it now."""
        try:
            found: Any = await self._ask(self._web3.eth.get_transaction_receipt(HexBytes(name)))
        except Missing:
            return None
        number = _natural(found.get("blockNumber"))
        if bytes(found["transactionHash"]) != name or bytes(found["blockHash"]) != await self._hash_of(number):
            raise NodeFailed("WrongReceipt")
        logs = [log for log in found["logs"] if bytes(log["transactionHash"]) == name]
        moved = [one for log in logs if (one := _moved(log, token, wallet)) is not None]
        fee = _fee(found) if str(found.get("from")).lower() == wallet.lower() else 0
        return Receipt(number, _natural(found.get("status")) == 1, tuple(moved), fee)

    async def events(self, token: str, wallet: str, first: int, last: int) -> list[Event]:
        """Every transfer of the token out of the wallet in these blocks, in their order."""
        found: list[Event] = []
        for log in await self._logs(token, [wallet], first, last):
            moved = _moved(log, token, wallet)
            if moved is not None:
                name = bytes(log["transactionHash"])
                index = sum(event.hash == name for event in found)
                found.append(Event(name, index, _natural(log["blockNumber"]), moved))
        return found

    async def arrivals(self, token: str, wallet: str, first: int, last: int) -> list[tuple[int, int]]:
        """Block and amount of every transfer of the token to the wallet in these blocks, in their order."""
        found = []
        for log in await self._logs(token, [None, wallet], first, last):
            topics, data = [bytes(topic) for topic in log["topics"]], bytes(log["data"])
            ours = log["address"].lower() == token.lower() and len(topics) == 3 and topics[0] == TRANSFERRED  # noqa: PLR2004 - as below
            if ours and topics[2][-20:].hex() == wallet[2:].lower() and len(data) == WORD:
                found.append((_natural(log["blockNumber"]), int.from_bytes(data, "big")))
        return found

    async def _logs(self, token: str, parties: list[str | None], first: int, last: int) -> list[Any]:
        """Events `Transfer` of the token, by sender and receiver."""
        words = [party and "0x" + party[2:].lower().rjust(64, "0") for party in parties]
        found: list[Any] = []
        for start in range(first, last + 1, SPAN):
            asked: Any = {
                "address": _address(token),
                "topics": ["0x" + TRANSFERRED.hex(), *words],
                "fromBlock": start,
                "toBlock": min(start + SPAN - 1, last),
            }
            found += await self._ask(self._web3.eth.get_logs(asked))
        return found

    async def _hash_of(self, number: int) -> bytes:
        return bytes((await self._ask(self._web3.eth.get_block(number)))["hash"])

    async def _ask(self, answer: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._seconds):
                return await answer
        except TransactionNotFound:
            raise Missing from None
        except ContractLogicError:
            raise Refused(REVERTED) from None
        except Web3RPCError as error:
            raise Refused(str(error).lower()) from None
        except Exception as error:  # noqa: BLE001 - payments may not name the HTTP library's errors
            raise NodeFailed(type(error).__name__) from None


def connect(urls: Sequence[str]) -> tuple[Node, ...]:
    """One node for each address; the same one named twice is one."""
    return tuple(Node(url) for url in dict.fromkeys(urls))


def _address(text: str) -> Any:  # noqa: ANN401 - web3's own kind of string
    return to_checksum_address(text)


def _natural(value: object) -> int:
    if type(value) is not int or value < 0:
        _nonsense()
    return int(value)  # type: ignore[call-overload,no-any-return] # an int by the line above


def _nonsense() -> Any:  # noqa: ANN401 - never returns
    raise NodeFailed("Nonsense")


def _fee(receipt: Any) -> int:  # noqa: ANN401 - a receipt as web3 gives it
    """What a transaction cost; chains of the second layer name what they pay to the first one apart."""
    above = receipt.get("l1Fee", 0)
    return _natural(receipt["gasUsed"]) * _natural(receipt["effectiveGasPrice"]) + (
        int(above, 16) if isinstance(above, str) else _natural(above)
    )


def _moved(log: Any, token: str, wallet: str) -> Moved | None:  # noqa: ANN401 - a log as web3 gives it
    """The transfer that a log tells of, when it is the token's and out of the wallet."""
    topics, data = [bytes(topic) for topic in log["topics"]], bytes(log["data"])
    if log["address"].lower() != token.lower() or len(topics) != 3 or topics[0] != TRANSFERRED:  # noqa: PLR2004 - ERC-20: two are indexed
        return None
    if topics[1][-20:].hex() != wallet[2:].lower() or len(data) != WORD:
        return None
    to, units = str(to_checksum_address(topics[2][-20:])), int.from_bytes(data, "big")
    return Moved(to, units, str(to_checksum_address(token)))
