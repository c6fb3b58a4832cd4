"""Statistics of the pixels inside zones."""
