"""Byte ranges through obstore."""
