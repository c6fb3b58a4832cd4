"""Chips as pictures, files and rows."""
