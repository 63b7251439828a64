"""The verbs of those who take part."""

from kashu.party.service.keys import (
    LETTERS,
    LIVE_KEYS_MAX,
    OVERLAP_SECONDS_MAX,
    PER_SECOND,
    admit,
    make_key,
    revoke_key,
    rotate_key,
)
from kashu.party.service.parties import add_member, choose_solo, open_party
from kashu.party.service.suppliers import take_in
from kashu.party.service.webhooks import (
    GAPS_SECONDS,
    WEBHOOKS_MAX,
    add_webhook,
    announce,
    close_webhook,
    send_again,
    signed,
    tried,
)

__all__ = [
    "GAPS_SECONDS",
    "LETTERS",
    "LIVE_KEYS_MAX",
    "OVERLAP_SECONDS_MAX",
    "PER_SECOND",
    "WEBHOOKS_MAX",
    "add_member",
    "add_webhook",
    "admit",
    "announce",
    "choose_solo",
    "close_webhook",
    "make_key",
    "open_party",
    "revoke_key",
    "rotate_key",
    "send_again",
    "signed",
    "take_in",
    "tried",
]
