"""Byte ranges: one port, adapters behind it, and what makes many reads fast and safe."""
