"""Runs in the shell's Python before anything else: adds kernels that tests call by SQL."""

from shell_kernels import KERNELS

from rasteret_sql.duck import kernels as declared

_real = declared.kernels


def _with_tests() -> dict[str, declared.Kernel]:
    return _real() | {kernel.name: kernel for kernel in KERNELS}


declared.kernels = _with_tests
