"""Runs in the shell's Python before anything else: what the environment of a test asks for."""

import os
from pathlib import Path

if "RASTERET_TEST_KERNELS" in os.environ:  # kernels that tests call by SQL
    from shell_kernels import KERNELS

    from rasteret_sql.duck.register import kernel_table as declared

    _real = declared.kernels

    def _with_tests() -> dict[str, declared.Kernel]:
        return _real() | {kernel.name: kernel for kernel in KERNELS}

    declared.kernels = _with_tests

if "RASTERET_SANITIZED" in os.environ:  # the library to load in place of the package's own
    from rasteret_sql.shell import library

    library.library = lambda: Path(os.environ["RASTERET_SANITIZED"])
