"""Stored blocks to arrays and back: compressions, predictors, sample layouts. No I/O."""
