"""Kashu 卡枢: virtual goods sold as card keys, delivered once, accounted to the fen."""

__version__ = "0.1.0"
