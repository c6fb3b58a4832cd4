"""SQL arguments as Python values."""
