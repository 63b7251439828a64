"""What a pack says to whoever opens it without us."""

GUIDE = """# How to check this pack · 如何核验

Order {order}, made at {made_at}.
Signing key, SHA-256 of its 32 bytes: {key}

Take the public key from the platform itself, not from this archive: `public_key.pem` in here only says which one it was.
公钥请向平台另行索取并核对指纹；包内的 `public_key.pem` 只用来说明是哪一把。

## With Kashu · 用 Kashu

    kashu evidence verify PACK.zip --key kashu.pem

It needs no network and no database. It checks every byte of the archive, and names what was changed.

## With OpenSSL 3 · 用 OpenSSL

    unzip PACK.zip -d pack && cd pack
    openssl pkeyutl -verify -pubin -inkey ../kashu.pem -rawin -in manifest.json -sigfile manifest.sig

It says `Signature Verified Successfully`. Then compare each file with its SHA-256 in `manifest.json`:

    python3 -c 'import hashlib, json; [print(hashlib.sha256(open(one["name"], "rb").read()).hexdigest() == one["sha256"], one["name"]) for one in json.load(open("manifest.json"))["files"]]'

## What lies in it · 包内文件

| file | what |
|---|---|
| checks.json | what was compared when the pack was made: page, price, consent, sums, links of the trail |
| order.json | the order, where the buyer came from, when they consented, the lines with price, cost, fee rule and agreement |
| pages/ | the page as the buyer saw it; the file's SHA-256 is the line's `page_hash`, and its name |
| agreements.json, fee_rules.json | the texts and the rules in force for this order, by version |
| payments.json, notices/ | payments, what gateways told us with our verdict, refunds; the notices as they came |
| credits.json | what went back to the account of an organisation, by a claim or a compensation; its `id` is the reason of its entries |
| ledger.json | every entry of the books under this order; the entries of one reason add up to nothing |
| delivery.json | when cards became readable and when they were shown, and to which browsers the order was given |
| cards.json | the cards, masked, with keyed fingerprints; a card's secret is in no file |
| attestations.json | what was told to whoever attests transactions, and what was answered; `subject` is the order's number or the id in redemptions.json |
| invalid.json | codes that whoever honours them called no good: who, where, why, and when |
| redemptions.json, claims.json, messages.json | codes redeemed, refunds by claim, messages sent and what vendors said |
| complaints.json, guardian_claims.json | complaints and guardians' claims with every step: what was written, answered, decided, objected to |
| compensations.json | cards that were recalled, or paid for in place of their supplier: why, how much, and what became of it |
| takedowns.json, reviews.json | takedowns of these goods with what was shown; reviews of the listing up to the order, `stood` the one it stood under |
| provenance.json | the batches the cards came from and what was done with them; `authorisations` is the chain they were sold under, `sold_under` its last link |
| audit.json | the trail of the order, each entry with its link, and the signed heads after them |

Amounts are fen (1/100 yuan). Instants are RFC 3339. Devices, addresses and phones are keyed marks: the same mark is the same
device, and nothing can be read from it. Where `personal` in the manifest is false, personal data is masked and notices are
told by their SHA-256 alone.

## The trail · 审计链

An entry's `hash` is SHA-256 of `chained_from` (32 bytes) and of the JSON list of `seq` and the entry's `pool_id, id, at,
actor_kind, actor, verb, object_kind, object_id, before, after, reason`: keys sorted, no spaces, UTF-8. A head is an Ed25519
signature, by the same key, over the text `kashu audit head SEQ HASH`. Between an entry and its head lie entries of other
orders, which are not given away; the platform walks the whole chain with `kashu audit verify`, before whoever may see it.
"""
