"""The open API of Kashu: buy cards, read the account, verify webhooks."""

from kashu_client.answers import Account, Bulk, Card, Choice, Entry, Field, KashuError, Purchase, Redemption, Sku, Tier
from kashu_client.client import AsyncKashu, Kashu
from kashu_client.codes import is_typed_right
from kashu_client.webhooks import WebhookError, verify_webhook

__all__ = [
    "Account",
    "AsyncKashu",
    "Bulk",
    "Card",
    "Choice",
    "Entry",
    "Field",
    "Kashu",
    "KashuError",
    "Purchase",
    "Redemption",
    "Sku",
    "Tier",
    "WebhookError",
    "is_typed_right",
    "verify_webhook",
]
