"""Byte ranges through fsspec."""
