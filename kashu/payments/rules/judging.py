"""What a verified notice means for a payment, as a plain function."""

from __future__ import annotations

from kashu.kernel.states import moves
from kashu.payments.types import Notice, Standing, Verdict

PAYMENT = moves(
    "payment",
    created="paying unknown paid closed",
    paying="unknown paid closed",
    unknown="paying paid closed",  # by a query, or by the gateway's own signed word
    closed="paid",
    paid="",
)
REFUND = moves("refund", requested="unknown done refused", unknown="done refused", refused="requested", done="")


def judge(notice: Notice, standing: Standing) -> tuple[Verdict, str]:
    """PAID when the notice is new and true to the order in amount, currency, merchant, application and channel.

    The amount is compared before the state: a wrong amount under a paid trade number is still a wrong amount.
    """
    payment = standing.payment
    if payment is None:
        return Verdict.QUARANTINED, "unknown trade"
    if notice.merchant != standing.merchant:
        return Verdict.QUARANTINED, "another merchant"
    if notice.app_id != standing.app_id:
        return Verdict.QUARANTINED, "another application"
    if notice.currency != payment.currency:
        return Verdict.QUARANTINED, f"currency {notice.currency}"
    if notice.amount_fen != payment.amount_fen:
        return Verdict.QUARANTINED, f"amount {notice.amount_fen} instead of {payment.amount_fen}"
    if notice.is_returned and payment.state != "paid":
        return Verdict.QUARANTINED, "refunded at the gateway before we knew of it"
    if payment.state == "paid":
        return (Verdict.REPEATED, "") if notice.gateway_no == payment.gateway_no else (Verdict.PAID_TWICE, "")
    if notice.source == "notice" and standing.confirm_fen is not None and notice.amount_fen >= standing.confirm_fen:
        return Verdict.TO_CONFIRM, ""
    return Verdict.PAID, ""
