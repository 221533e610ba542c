"""What is installed here: the versions to name in a paper or a bug report."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import Final

from rupturekit.provenance import FORMAT_VERSION, LIBRARY_VERSION

__all__ = ["installed_versions", "show_versions"]

_LIBRARIES: Final = ("attrs", "networkx", "numpy", "hypothesis", "matplotlib", "narwhals", "numba", "openpyxl",
                     "pandas", "polars", "pyarrow", "pyreadstat")
"""The three that are always there, then those that extras bring."""


def installed_versions() -> dict[str, str]:
    """Return name -> version of the library, Python, the platform, and each library in use; "not installed" is said.

    >>> list(installed_versions())[:3]
    ['rupturekit', 'format', 'python']
    """
    here = {"rupturekit": LIBRARY_VERSION, "format": str(FORMAT_VERSION), "python": platform.python_version(),
            "platform": f"{platform.system()} {platform.machine()}, {sys.byteorder}-endian"}
    return here | {name: _version(name) for name in _LIBRARIES}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def show_versions() -> None:
    """Print the versions of everything a result may depend on, for a paper or a bug report.

    >>> show_versions()  # doctest: +ELLIPSIS
    rupturekit ...
    """
    held = installed_versions()
    width = max(map(len, held))
    print("\n".join(f"{name:<{width}}  {version}" for name, version in held.items()))
