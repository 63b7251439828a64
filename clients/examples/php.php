<?php
// Asks Kashu's open API, signed, with PHP 8 and no extension but openssl (for https).
//
//   BASE_URL=https://kashu.example.com KASHU_KEY=kk_… KASHU_SECRET=… \
//     php php.php METHOD TARGET [BODY] [IDEMPOTENCY_KEY]
//
// Prints the status, then the body. The target is signed as it is sent: percent-encode it yourself.
declare(strict_types=1);

[, $method, $target] = $argv;
$body = $argv[3] ?? '';
$idempotencyKey = $argv[4] ?? '';

$timestamp = (string) time();
$nonce = bin2hex(random_bytes(16));
$signed = implode("\n", [$method, $target, $timestamp, $nonce, $idempotencyKey, hash('sha256', $body)]);

$headers = [
    'Kashu-Key: ' . getenv('KASHU_KEY'),
    'Kashu-Timestamp: ' . $timestamp,
    'Kashu-Nonce: ' . $nonce,
    'Kashu-Signature: ' . hash_hmac('sha256', $signed, (string) getenv('KASHU_SECRET')),
    'Connection: close',
];
if ($idempotencyKey !== '') {
    $headers[] = 'Idempotency-Key: ' . $idempotencyKey;
}
if ($body !== '') {
    $headers[] = 'Content-Type: application/json';
}

// ignore_errors: a refusal has a body too, and it says why.
$http = ['method' => $method, 'header' => $headers, 'ignore_errors' => true, 'follow_location' => 0, 'timeout' => 30];
if ($body !== '') {
    $http['content'] = $body;
}
$stream = fopen(getenv('BASE_URL') . $target, 'r', false, stream_context_create(['http' => $http]));
if ($stream === false) {
    exit(1);
}
$status = explode(' ', stream_get_meta_data($stream)['wrapper_data'][0])[1];
echo $status, "\n", stream_get_contents($stream), "\n";
