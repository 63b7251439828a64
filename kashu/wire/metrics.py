"""What every process counts, in Prometheus' words. No label ever carries an id or a secret."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

DELIVERY_SECONDS = Histogram(
    "kashu_delivery_seconds",
    "From the instant a payment was made to the card being readable by the buyer",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300),
)
NOTICES = Counter("kashu_notices_total", "Payment notices by what they came to", ["channel", "verdict"])
PURCHASES = Counter("kashu_purchases_total", "Purchases by machine, by outcome", ["outcome"])
ORDERS = Counter("kashu_orders_total", "Checkouts by outcome", ["outcome"])
SUPPLIES = Counter("kashu_supplies_total", "Calls to suppliers on demand, by what they came to", ["source", "outcome"])
ATTESTATIONS = Counter(
    "kashu_attestations_total", "Transactions told to whoever attests them, by the answer", ["outcome"]
)
MESSAGES = Counter("kashu_messages_total", "Messages given to a vendor, by what it answered", ["channel", "outcome"])
PUSH_SECONDS = Histogram(
    "kashu_push_seconds",
    "From what a message tells of to its arrival on the phone, by receipts",
    ["channel"],
    buckets=(0.5, 1, 2, 3, 5, 10, 30, 60, 300, 1_800, 7_200),
)
REVEALS = Counter("kashu_reveals_total", "Reveals by outcome", ["outcome"])
REQUEST_SECONDS = Histogram("kashu_request_seconds", "Requests to the web lane", ["view", "status"])
TAKEDOWNS_OVERDUE = Gauge(
    "kashu_takedowns_overdue", "Takedowns that an authority should have been told of by now (C-14)"
)
CHAINS_WRONG = Gauge(
    "kashu_chains_wrong", "Batches whose chain, or what became of whose cards, is not as it was written (§2.1)"
)
JOBS = Counter("kashu_jobs_total", "Facts relayed and jobs run, by outcome", ["topic", "outcome"])

BREACHES = Counter("kashu_terms_missed_total", "Terms that were missed, by their clock", ["clock"])


def page() -> tuple[bytes, str]:
    """The metrics of this process, and their content type."""
    return generate_latest(), CONTENT_TYPE_LATEST
