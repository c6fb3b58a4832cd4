"""Rows of a query as training samples: order, shards, resuming and reading ahead; nothing of PyTorch."""
