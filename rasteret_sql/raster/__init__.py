"""Chips: areas of interest, windows, masks, and the pixels inside them."""
