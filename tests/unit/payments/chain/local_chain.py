"""A real EVM (py-evm) behind a small JSON-RPC server on loopback, with a pool of waiting transactions.

The pool follows the rules of a node: nonces in order, a tenth more to replace, nothing below the base fee. Tests
make blocks, drop transactions, reorganise, and make the server lie, hang up, answer late or be down.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_tester import EthereumTester
from eth_tester.exceptions import TransactionFailed
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from vyper import compile_code

from payments.chain import RECURSION_LIMIT

sys.setrecursionlimit(RECURSION_LIMIT)  # py-evm raises it too

TOKEN = """
# pragma version ~=0.4.0
decimals: public(constant(uint8)) = 6
balanceOf: public(HashMap[address, uint256])
refused: public(HashMap[address, bool])

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256

@deploy
def __init__():
    self.balanceOf[msg.sender] = 10**15

@external
def refuse(to: address):
    self.refused[to] = True

@external
def transfer(to: address, amount: uint256) -> bool:
    assert not self.refused[to], "refused"
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount
    log Transfer(sender=msg.sender, receiver=to, amount=amount)
    return True
"""

ODD_TOKEN = """
# pragma version ~=0.4.0
decimals: public(constant(uint8)) = 6
balanceOf: public(HashMap[address, uint256])
mode: public(uint256)

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256

@deploy
def __init__():
    self.balanceOf[msg.sender] = 10**15

@external
def behave(mode: uint256):
    self.mode = mode

@external
def transfer(to: address, amount: uint256) -> bool:
    if self.mode == 1:
        return False
    fee: uint256 = amount // 100
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount - fee
    log Transfer(sender=msg.sender, receiver=to, amount=amount - fee)
    log Transfer(sender=msg.sender, receiver=self, amount=fee)
    return True
"""
"""Takes a fee of one per cent, or (mode 1) moves nothing and says so only by what it returns."""

GWEI = 10**9
Fault = Callable[[Any], Any]


class HangUp(Exception):
    """End the connection without an answer."""


@dataclass
class Waiting:
    """One transaction in the pool."""

    raw: bytes
    hash: bytes
    sender: str
    nonce: int
    max_fee: int
    priority: int


class LocalChain:
    """The chain itself; one for the whole run, put back to its beginning for each test."""

    def __init__(self) -> None:
        self.tester = EthereumTester(auto_mine_transactions=False)
        self.backend = self.tester.backend
        self.rich = self.tester.get_accounts()[0]
        self.heights: dict[str, int] = {}
        """In which block a transaction is; eth-tester would look through all blocks for one that is in none."""
        self.token = self._deploy(TOKEN)
        self.other_token = self._deploy(TOKEN)
        self.odd_token = self._deploy(ODD_TOKEN)
        self._beginning = self.head
        self.pool: list[Waiting] = []
        self.floor = 0
        self.sent: list[bytes] = []
        """Every raw transaction that anybody handed over, again and again."""

    @property
    def chain_id(self) -> int:
        """The chain's number."""
        return int(self.backend.chain.chain_id)

    @property
    def head(self) -> int:
        """The newest block's number."""
        return int(self.tester.get_block_by_number("latest")["number"])

    def begin(self) -> None:
        """As it was when the contracts were new."""
        self.go_back(self._beginning)
        self.pool, self.floor, self.sent = [], 0, []

    def fund(self, wallet: str, tokens: int, coins: int = 10**18, token: str | None = None) -> None:
        """Give a wallet tokens and coins."""
        if coins:
            self._act({"to": wallet, "value": coins, "gas": 21_000})
        if tokens:
            self.call(token or self.token, "transfer(address,uint256)", _word(wallet), _word(tokens))

    def call(self, contract: str, signature: str, *words: bytes) -> None:
        """Call a contract as the rich account, in a block of its own."""
        data = keccak(text=signature)[:4] + b"".join(words)
        self._act({"to": contract, "data": "0x" + data.hex(), "gas": 200_000})

    def balance(self, wallet: str, token: str | None = None) -> int:
        """What a wallet holds of a token."""
        data = "0x" + (keccak(text="balanceOf(address)")[:4] + _word(wallet)).hex()
        answer = self.tester.call({"from": self.rich, "to": token or self.token, "data": data})
        return int(answer, 16)

    def mine(self, blocks: int = 1) -> None:
        """Make blocks; the first takes whatever in the pool pays enough."""
        base = self.tester.get_block_by_number("latest")["base_fee_per_gas"]
        taken: list[str] = []
        next_block = self.head + 1
        for one in sorted(self.pool, key=lambda one: one.nonce):
            fits = one.nonce == self.tester.get_nonce(one.sender) + taken.count(one.sender)
            if fits and one.max_fee >= base + self.floor and one.priority >= self.floor:
                self.backend.send_raw_transaction(one.raw)
                taken.append(one.sender)
                self.heights["0x" + one.hash.hex()] = next_block
                self.pool.remove(one)
        self.tester.mine_blocks(blocks)

    def reorganise(self, depth: int, *, back_to_pool: bool = True) -> None:
        """Replace the newest blocks by as many and one more, without the transactions that were in them."""
        gone = []
        for number in range(self.head - depth + 1, self.head + 1):
            block = self.backend.chain.get_canonical_block_by_number(number)
            gone += [tx.encode() for tx in block.transactions]
        self.go_back(self.head - depth)
        self.tester.mine_blocks(depth + 1)
        if back_to_pool:
            for raw in gone:
                self.accept(raw)

    def go_back(self, number: int) -> None:
        """To a block, as if none had come after it."""
        self.backend.revert_to_snapshot(self.backend.chain.get_canonical_block_by_number(number).hash)
        self.heights = {name: height for name, height in self.heights.items() if height <= number}

    def waits(self, wallet: str) -> list[Waiting]:
        """What a wallet has in the pool."""
        return [one for one in self.pool if one.sender.lower() == wallet.lower()]

    def accept(self, raw: bytes) -> bytes:
        """Take a signed transaction into the pool, or raise `ValueError` in a node's words."""
        self.sent.append(raw)
        fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        one = Waiting(
            raw,
            keccak(raw),
            Account.recover_transaction(raw),
            fields["nonce"],
            fields["maxFeePerGas"],
            fields["maxPriorityFeePerGas"],
        )
        if any(waiting.hash == one.hash for waiting in self.pool):
            raise ValueError("already known")
        if one.nonce < self.tester.get_nonce(one.sender):
            raise ValueError("nonce too low")
        for waiting in [old for old in self.pool if (old.sender, old.nonce) == (one.sender, one.nonce)]:
            if one.max_fee * 10 < waiting.max_fee * 11 or one.priority * 10 < waiting.priority * 11:
                raise ValueError("replacement transaction underpriced")
            self.pool.remove(waiting)
        self.pool.append(one)
        return one.hash

    def _deploy(self, source: str) -> str:
        code = compile_code(source, output_formats=["bytecode"])["bytecode"]
        receipt = self._act({"data": code, "gas": 3_000_000})
        return str(receipt["contract_address"])

    def _act(self, fields: dict[str, Any]) -> dict[str, Any]:
        name = self.tester.send_transaction({"from": self.rich, **fields})
        self.tester.mine_block()
        self.heights[name] = self.head
        receipt: dict[str, Any] = self.tester.get_transaction_receipt(name)
        assert receipt["status"] == 1
        return receipt


@dataclass
class Rpc:
    """A node of the chain over HTTP, under any path. `faults`: by method, what becomes of the answer."""

    chain: LocalChain
    faults: dict[str, Fault] = field(default_factory=dict)
    down: bool = False
    url: str = ""
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application()
        app.router.add_post("/{name:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if self.down:
            raise web.HTTPServiceUnavailable
        method = asked["method"]
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
        try:
            result = getattr(self, method)(*asked["params"])
            fault = self.faults.get(method)
            answer["result"] = fault(result) if fault else result
        except HangUp:
            assert request.transport is not None
            request.transport.abort()
        except (ValueError, TransactionFailed) as error:
            words = "execution reverted" if isinstance(error, TransactionFailed) else str(error)
            answer["error"] = {"code": 3 if "reverted" in words else -32000, "message": words}
        return web.json_response(answer)

    def eth_chainId(self) -> str:  # noqa: N802 - the protocol's name
        """The chain's number."""
        return hex(self.chain.chain_id)

    def eth_blockNumber(self) -> str:  # noqa: N802
        """The newest block."""
        return hex(self.chain.head)

    def eth_getBlockByNumber(self, number: str, _: bool) -> dict[str, Any]:  # noqa: N802, FBT001
        """A block's header."""
        block = self.chain.tester.get_block_by_number(_block(number))
        return {
            "number": hex(block["number"]),
            "hash": block["hash"],
            "baseFeePerGas": hex(block["base_fee_per_gas"]),
            "extraData": "0x" + "00" * 97,
        }

    def eth_maxPriorityFeePerGas(self) -> str:  # noqa: N802
        """What whoever makes blocks would like."""
        return hex(max(self.chain.floor, GWEI))

    def eth_getTransactionCount(self, wallet: str, block: str) -> str:  # noqa: N802
        """A wallet's nonce at a block, or with what waits."""
        if block != "pending":
            return hex(self.chain.tester.get_nonce(wallet, _block(block)))
        count, waits = self.chain.tester.get_nonce(wallet), {one.nonce for one in self.chain.waits(wallet)}
        while count in waits:
            count += 1
        return hex(count)

    def eth_getBalance(self, wallet: str, _: str) -> str:  # noqa: N802
        """A wallet's coins."""
        return hex(self.chain.tester.get_balance(wallet))

    def eth_call(self, call: dict[str, Any], block: str) -> str:
        """What a call would return."""
        return str(self.chain.tester.call({"from": self.chain.rich, **_call(call)}, _block(block)))

    def eth_getCode(self, address: str, _: str) -> str:  # noqa: N802
        """The code at an address."""
        return str(self.chain.tester.get_code(address))

    def eth_estimateGas(self, call: dict[str, Any], *_: str) -> str:  # noqa: N802
        """The gas that a call would use."""
        return hex(self.chain.tester.estimate_gas(_call(call)))

    def eth_sendRawTransaction(self, raw: str) -> str:  # noqa: N802
        """Take a transaction into the pool."""
        return "0x" + self.chain.accept(bytes.fromhex(raw.removeprefix("0x"))).hex()

    def eth_getTransactionByHash(self, name: str) -> dict[str, Any] | None:  # noqa: N802
        """A transaction, in a block or waiting."""
        waiting = any("0x" + one.hash.hex() == name for one in self.chain.pool)
        return {"hash": name} if waiting or self.eth_getTransactionReceipt(name) else None

    def eth_getTransactionReceipt(self, name: str) -> dict[str, Any] | None:  # noqa: N802
        """What became of a transaction."""
        if name not in self.chain.heights:
            return None
        found = self.chain.tester.get_transaction_receipt(name)
        return {
            "transactionHash": found["transaction_hash"],
            "blockHash": found["block_hash"],
            "blockNumber": hex(found["block_number"]),
            "status": hex(found["status"]),
            "from": found["from"],
            "gasUsed": hex(found["gas_used"]),
            "effectiveGasPrice": hex(found["effective_gas_price"]),
            "logs": [_log(log) for log in found["logs"]],
        }

    def eth_getLogs(self, asked: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
        """Events of some blocks."""
        found = []
        for number in range(int(asked["fromBlock"], 16), int(asked["toBlock"], 16) + 1):
            for name in self.chain.tester.get_block_by_number(number)["transactions"]:
                receipt = self.eth_getTransactionReceipt(name)
                found += [log for log in receipt["logs"] if _wanted(log, asked)] if receipt else []
        return found


def _wanted(log: dict[str, Any], asked: dict[str, Any]) -> bool:
    topics = [topic and topic.lower() for topic in asked["topics"]]
    addresses = asked["address"] if isinstance(asked["address"], list) else [asked["address"]]
    same = log["address"].lower() in {address.lower() for address in addresses}
    return same and all(topic in {None, said} for topic, said in zip(topics, log["topics"], strict=False))


def _log(log: dict[str, Any]) -> dict[str, Any]:
    return {
        "address": log["address"],
        "topics": [topic.lower() for topic in log["topics"]],
        "data": log["data"],
        "blockNumber": hex(log["block_number"]),
        "blockHash": log["block_hash"],
        "transactionHash": log["transaction_hash"],
        "transactionIndex": hex(log["transaction_index"]),
        "logIndex": hex(log["log_index"]),
        "removed": False,
    }


def _call(call: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in call.items() if name in {"from", "to", "data"}}


def _block(number: str) -> str | int:
    return int(number, 16) if number.startswith("0x") else number


def _word(value: str | int) -> bytes:
    return (int(value, 16) if isinstance(value, str) else value).to_bytes(32, "big")
