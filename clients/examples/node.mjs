// Asks Kashu's open API, signed, with Node 18 or later and nothing else.
//
//   BASE_URL=https://kashu.example.com KASHU_KEY=kk_… KASHU_SECRET=… \
//     node node.mjs METHOD TARGET [BODY] [IDEMPOTENCY_KEY]
//
// Prints the status, then the body.
import { createHash, createHmac, randomBytes } from "node:crypto";

const [method, target, body = "", idempotencyKey = ""] = process.argv.slice(2);
const { BASE_URL, KASHU_KEY, KASHU_SECRET } = process.env;

const url = new URL(target, BASE_URL);
const timestamp = String(Math.floor(Date.now() / 1000));
const nonce = randomBytes(16).toString("hex");
const signed = [
  method,
  url.pathname + url.search, // as it will be sent: URL has encoded what needs it
  timestamp,
  nonce,
  idempotencyKey,
  createHash("sha256").update(body).digest("hex"),
].join("\n");

const headers = {
  "Kashu-Key": KASHU_KEY,
  "Kashu-Timestamp": timestamp,
  "Kashu-Nonce": nonce,
  "Kashu-Signature": createHmac("sha256", KASHU_SECRET).update(signed).digest("hex"),
};
if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
if (body) headers["Content-Type"] = "application/json";

const response = await fetch(url, { method, headers, body: body || undefined, signal: AbortSignal.timeout(30_000) });
console.log(response.status);
console.log(await response.text());
