"""How far every function is from the libraries that people check it with: the numbers of docs/parity.md."""
