"""What can go wrong, once for all lanes: a stable code, its status, and a sentence (RFC 9457)."""

from __future__ import annotations

from kashu.wire.open.messages import ProblemTold, Response, encoder

PROBLEMS: dict[str, tuple[int, str, str]] = {
    "malformed": (400, "The request cannot be read", "The body is not the JSON that this address takes."),
    "missing_credentials": (401, "Credentials are missing", "Kashu-Key, Kashu-Timestamp, Kashu-Nonce and Kashu-Signature are needed."),
    "stale_timestamp": (401, "The timestamp is out of its window", "Kashu-Timestamp has to be within 300 seconds of our clock."),
    "bad_signature": (401, "The signature is not right", "The key is unknown, has ended, or signed something else."),
    "nonce_replayed": (401, "The nonce was used before", "Every write needs a nonce of its own."),
    "short_of_funds": (402, "The balance is too small", "The account's balance does not cover this purchase."),
    "no_scope": (403, "The key may not do this", "The key lacks the scope that this address needs."),
    "no_account": (403, "There is no purchase account", "Your organisation has no purchase account yet."),
    "account_closed": (403, "The account is not active", "The purchase account is frozen or closed."),
    "risk_refused": (403, "Refused by risk control", "Risk control has refused this purchase."),
    "licence_lapsed": (403, "A licence has lapsed", "A licence that these goods need is not in force."),
    "needs_split_payment": (403, "These goods need split payment", "A third party's goods cannot be paid from prepayment."),
    "not_found": (404, "There is no such thing", "Nothing of yours has this name."),
    "not_for_sale": (404, "This is not for sale", "No SKU of this code is for sale now."),
    "method_not_allowed": (405, "Not with this method", "This address does not take this method."),
    "out_of_stock": (409, "Not enough cards", "There are fewer cards than asked for."),
    "pick_taken": (409, "The card cannot be picked", "No card with this label is on the shelf, or the SKU has no labels."),
    "no_such_code": (404, "There is no such code", "No code of yours reads like this. Its check character may tell a slip of the finger."),
    "not_sold": (409, "The code was not sold", "The code is ours and nobody has bought it, or it was given back."),
    "expired": (409, "The code has expired", "The code's last day was before it was taken."),
    "already_redeemed": (409, "The code was redeemed before", "The code is good once, and has been redeemed under another key."),
    "not_redeemed": (409, "The code is not redeemed", "There is nothing to undo."),
    "too_late": (409, "Too late to undo", "A redemption can be undone within an hour of having been told."),
    "wrong_instant": (422, "The instant is not right", "redeemed_at is at most seven days ago, and not to come."),
    "reference_taken": (409, "The reference was used before", "Another purchase of your account carries this reference."),
    "too_many_open": (409, "Too many bulk purchases at once", "Five bulk purchases of your account are still being done."),
    "in_flight": (409, "Still being done", "A request that touches the same account is still being done. Try again with the same key."),
    "not_ready": (409, "Not ready yet", "The file is there when the state is done."),
    "gone": (410, "No longer there", "The file was kept for seven days; the cards can be read purchase by purchase."),
    "too_large": (413, "The request is too large", "The body is larger than this address takes."),
    "range": (416, "No such range", "The range lies outside of the file."),
    "invalid": (422, "The request is not right", "A field is missing, unknown or out of its bounds."),
    "over_limit": (422, "Over a limit", "The quantity or the day's sum is over the limit of your account."),
    "form_wrong": (422, "The form is not right", "The SKU asks for other fields, or one of them is not of its kind."),
    "idempotency_key": (422, "An idempotency key is needed", "Idempotency-Key has to be 1 to 255 visible characters."),
    "idempotency_mismatch": (422, "The key was used for another request", "This idempotency key came with another body before."),
    "too_often": (429, "Too many requests", "The key is over its rate, or we are busy. Try again later."),
    "unavailable": (503, "Not available now", "Nothing was done. Try again with the same idempotency key."),
}  # fmt: skip
RETRY_SECONDS = {"too_often": 1, "unavailable": 2, "in_flight": 1}


def problem(code: str, detail: str = "", retry_after: int | None = None) -> Response:
    """The answer to what went wrong."""
    status, title, sentence = PROBLEMS[code]
    told = ProblemTold(f"/open/v1/docs#{code}", title, status, code, detail or sentence)
    wait = retry_after if retry_after is not None else RETRY_SECONDS.get(code)
    return Response(status, encoder.encode(told), "application/problem+json", wait)
