"""Byte ranges over HTTP through aiohttp."""
