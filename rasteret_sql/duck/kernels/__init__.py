"""The kernels: one function behind each macro."""
