"""Blocks of pixels: which of them a read needs, fetched and decoded once."""
