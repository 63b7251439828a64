#!/bin/sh
# Asks Kashu's open API, signed, with sh, openssl and curl.
#
#   BASE_URL=https://kashu.example.com KASHU_KEY=kk_… KASHU_SECRET=… \
#     ./curl.sh METHOD TARGET [BODY] [IDEMPOTENCY_KEY]
#
#   ./curl.sh GET '/open/v1/skus?limit=5'
#   ./curl.sh POST /open/v1/purchases '{"sku": "ZM-MONTH", "quantity": 1}' PO-1001
#
# Prints the status, then the body. The target is signed as it is sent: percent-encode it yourself.
# openssl takes the secret as an argument, which other users of this machine can see: an example, not for production.
set -eu

method=$1 target=$2 body=${3-} idempotency_key=${4-}
timestamp=$(date +%s)
nonce=$(openssl rand -hex 16)
digest=$(printf %s "$body" | openssl dgst -sha256 -r | cut -d ' ' -f 1)
signature=$(printf '%s\n%s\n%s\n%s\n%s\n%s' "$method" "$target" "$timestamp" "$nonce" "$idempotency_key" "$digest" |
    openssl dgst -sha256 -hmac "$KASHU_SECRET" -r | cut -d ' ' -f 1)

set -- --silent --show-error --globoff --path-as-is --request "$method" --max-time 30 \
    --header "Kashu-Key: $KASHU_KEY" --header "Kashu-Timestamp: $timestamp" \
    --header "Kashu-Nonce: $nonce" --header "Kashu-Signature: $signature"
if [ -n "$idempotency_key" ]; then set -- "$@" --header "Idempotency-Key: $idempotency_key"; fi
if [ -n "$body" ]; then set -- "$@" --header 'Content-Type: application/json' --data-binary @-; fi

answer=$(printf %s "$body" | curl "$@" --write-out '\n%{http_code}' "$BASE_URL$target")
printf '%s\n%s\n' "$(printf %s "$answer" | tail -n 1)" "$(printf %s "$answer" | sed '$d')"
