"""Disputes: a bank takes a payment back, and gives it again if the fund wins (docs.stripe.com/disputes).

Opening takes the amount and a fee out of the balance at once; winning brings the amount back; losing changes
nothing more. The fee stays with Stripe either way, unless the terms of the bank say otherwise.
"""

from typing import Final

from sandbox.stripe import books
from sandbox.stripe.core import Stripe, new_id
from sandbox.stripe.wire import JsonDict, NotAllowed

OPEN: Final = frozenset({"needs_response", "under_review"})


def open_dispute(
    stripe: Stripe, charge: JsonDict, *, reason: str = "fraudulent", amount: int | None = None
) -> JsonDict:
    """Dispute a succeeded charge, wholly or in part; raises `NotAllowed` when that cannot be."""
    disputed = charge["amount"] - charge["amount_refunded"] if amount is None else amount
    if charge["status"] != "succeeded" or charge["disputed"] or not 0 < disputed <= charge["amount"]:
        raise NotAllowed("this charge cannot be disputed")
    terms, now = stripe.terms, stripe.now()
    due = now + int(terms.evidence_within.total_seconds())
    brand = charge["payment_method_details"].get("card", {}).get("brand") or "visa"
    card = {"brand": brand, "case_type": "chargeback", "network": brand, "network_reason_code": "10.4"}
    body = {
        "id": new_id("du"),
        "amount": disputed,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": due, "enhanced_eligibility": {}, "has_evidence": False, "past_due": False,
            "submission_count": 0, "submission_method": "not_submitted",
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {"type": "card", "card": card},
        "reason": reason,
        "status": "needs_response",
    }  # fmt: skip
    dispute = stripe.add("dispute", body)
    charge["disputed"] = True
    stripe.emit("charge.dispute.created", dispute)
    settled, rate = terms.settle(disputed, charge["currency"])
    taken = books.book(
        stripe, "adjustment", dispute["id"], -settled, fee=terms.fee_dispute, rate=rate, category="dispute",
        description=f"Chargeback withdrawal for {charge['id']}",
    )  # fmt: skip
    dispute["balance_transactions"].append(dict(taken))
    stripe.emit("charge.dispute.funds_withdrawn", dispute)
    stripe.at(due, lambda: _overdue(stripe, dispute))
    return dispute


def close(stripe: Stripe, dispute: JsonDict, *, won: bool, return_fee: bool = False) -> JsonDict:
    """Let the bank decide; `return_fee` gives the fee back too, as for some accounts."""
    if dispute["status"] not in OPEN:
        raise NotAllowed("this dispute is closed")
    dispute["status"] = "won" if won else "lost"
    stripe.emit("charge.dispute.closed", dispute)
    if won:
        settled, rate = stripe.terms.settle(dispute["amount"], dispute["currency"])
        taken = dispute["balance_transactions"][0]
        fee = -taken["fee"] if return_fee else 0
        given = books.book(
            stripe, "adjustment", dispute["id"], settled, fee=fee, rate=rate, category="dispute_reversal",
            description=f"Chargeback reversal for {dispute['charge']}",
        )  # fmt: skip
        dispute["balance_transactions"].append(dict(given))
        stripe.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def _overdue(stripe: Stripe, dispute: JsonDict) -> None:
    if dispute["status"] == "needs_response":
        dispute["evidence_details"]["past_due"] = True
        close(stripe, dispute, won=False)
