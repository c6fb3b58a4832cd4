"""Catalogues known by a short id."""
