"""Simulators of the world outside: a payment channel and a message box. Kashu never imports them."""
