"""The fast lane: machines talking to us, many at a time. Knows nothing of Django."""
