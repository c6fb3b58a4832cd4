"""Tells where the shared library of the Python that runs this file is; the extension runs it to find out.

Prints a path, or what to do about there being none. Needs nothing but the standard library, so that it
runs with ``-I -S``, outside of the package.
"""

from __future__ import annotations

import os
import sys
import sysconfig


def candidates() -> list[str]:
    """Where it may be: what this Python was built with, else beside its prefix."""
    names = [sysconfig.get_config_var(key) for key in ("INSTSONAME", "LDLIBRARY")]
    shared = [str(name) for name in names if name and (".so" in name or ".dylib" in name or "/" in name)]
    folders = [sysconfig.get_config_var("LIBDIR"), os.path.join(sys.base_prefix, "lib"), sys.base_prefix]
    folders.append(sysconfig.get_config_var("PYTHONFRAMEWORKPREFIX"))
    version = f"{sys.version_info[0]}.{sys.version_info[1]}{getattr(sys, 'abiflags', '')}"
    guesses = [f"libpython{version}.so.1.0", f"libpython{version}.dylib"]
    return [os.path.join(folder, name) for name in (*shared, *guesses) for folder in folders if folder]


def advice() -> str:
    """What to do when there is none."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return (
        f"the Python {sys.executable} ({version}) has no shared library, which the DuckDB shell needs; "
        f"looked for {', '.join(dict.fromkeys(candidates()))}. "
        f"Debian and Ubuntu: apt install libpython{version}. "
        "pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install. "
        "Pythons of uv and conda have it. Then install rasteret-sql for that Python"
    )


def libpython() -> str | None:
    """Path of the shared library; None when this Python is a single static program."""
    return next((os.path.realpath(path) for path in candidates() if os.path.isfile(path)), None)


if __name__ == "__main__":
    print(libpython() or advice(), end="")
