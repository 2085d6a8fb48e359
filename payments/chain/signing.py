"""Transactions of type 2 (EIP-1559): what is signed, and with which fees.

A transfer is one call of `transfer(address,uint256)` (ERC-20). A cancellation sends nothing to the wallet itself,
to use a nonce up. Signing is deterministic (RFC 6979): the same transaction gives the same bytes.
"""

from typing import Any, Final

from eth_abi.abi import encode
from eth_account import Account

from models.policy import Stablecoin
from payments.chain.amounts import GWEI
from payments.chain.values import Fees, FeeTooHigh, Moved, Signed

TRANSFER: Final = bytes.fromhex("a9059cbb")
"""Selector of `transfer(address,uint256)`."""

PLAIN_GAS: Final = 21_000
"""What a transaction without a call uses (Ethereum yellow paper, G_transaction)."""

RAISES: Final = 3
"""What is signed first can be raised so often within the policy's caps, when it is stuck or to be cancelled."""


def fees(base: int, priority: int, rules: Stablecoin) -> Fees:
    """Fees with room for the base fee to double, and below the policy's caps for `RAISES`. Raises `FeeTooHigh`.

    A base fee that leaves no such room is paid up to the cap all the same.
    """
    priority = min(priority, _below(rules.max_priority_gwei * GWEI))
    cap = rules.max_fee_gwei * GWEI
    if base + priority > cap:
        raise FeeTooHigh
    return Fees(min(2 * base + priority, max(_below(cap), base + priority)), priority)


def raised(last: Fees, now: Fees, rules: Stablecoin) -> Fees:
    """Fees with which a transaction replaces another: nodes want a tenth more of both. Raises `FeeTooHigh`."""
    priority = max(now.priority, _more(last.priority))
    most = max(now.most, _more(last.most), priority)
    if most > rules.max_fee_gwei * GWEI or priority > rules.max_priority_gwei * GWEI:
        raise FeeTooHigh
    return Fees(most, priority)


def transfer(rules: Stablecoin, nonce: int, asked: Moved, gas: int, paid: Fees) -> dict[str, Any]:
    """The unsigned transaction that moves what was asked for, in the token that it was asked for in."""
    data = TRANSFER + encode(["address", "uint256"], [asked.to, asked.tokens])
    return _transaction(rules, nonce, asked.token, "0x" + data.hex(), gas, paid)


def cancellation(rules: Stablecoin, nonce: int, wallet: str, paid: Fees) -> dict[str, Any]:
    """The unsigned transaction that uses a nonce up."""
    return _transaction(rules, nonce, wallet, "0x", PLAIN_GAS, paid)


def sign(transaction: dict[str, Any], secret: bytes) -> Signed:
    """Sign with a wallet's secret."""
    signed = Account.from_key(secret).sign_transaction(transaction)
    return Signed(bytes(signed.raw_transaction), bytes(signed.hash))


def address_of(secret: bytes) -> str:
    """The wallet's address. Raises ValueError when the bytes are no key of the curve."""
    try:
        return str(Account.from_key(secret).address)
    except Exception:  # noqa: BLE001 - the library's errors quote the key
        raise ValueError("not a key of secp256k1") from None


def _more(fee: int) -> int:
    return fee + fee // 8 + 1


def _below(cap: int) -> int:
    """The most that can be raised `RAISES` times without going above the cap."""
    for _ in range(RAISES):
        cap = (cap - 1) * 8 // 9
    return cap


def _transaction(rules: Stablecoin, nonce: int, to: str, data: str, gas: int, paid: Fees) -> dict[str, Any]:
    return {
        "type": 2,
        "chainId": rules.chain_id,
        "nonce": nonce,
        "to": to,
        "value": 0,
        "data": data,
        "gas": gas,
        "maxFeePerGas": paid.most,
        "maxPriorityFeePerGas": paid.priority,
    }
