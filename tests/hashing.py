"""Passwords of tests: the hash of production with the least work, since hundreds of tests sign in."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class QuickHasher(Argon2PasswordHasher):
    time_cost, memory_cost, parallelism = 1, 8, 1
