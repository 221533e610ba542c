"""Which form of a kernel works: numpy, or plain loops compiled by numba where that is installed and pays.

Both give the same numbers, so the choice decides time, never a result. It is made here and nowhere else.
"""

from __future__ import annotations

import os
import threading
from typing import Final

from rupturekit._kernels._numba.shuffles import Kernels, compiled

__all__ = ["PAYS", "quick_kernels"]

PAYS: Final = 25_000_000
"""Entries put in random order (places times arrangements) from which loading numba and what it has compiled pays.

That takes about 0.3 seconds and saves about 12 nanoseconds an entry; compiling, once an installation, takes 1 more.
"""

_ONE_AT_A_TIME: Final = threading.Lock()    # of threads that ask at once, one compiles


def quick_kernels(entries: int) -> Kernels | None:
    """Return compiled kernels where they are to do the work; None where numpy is.

    Parameters
    ----------
    entries : int
        How many entries are put in random order, in all that is to be done.

    Numpy does what is small, and everything where numba is absent, cannot be used with the numpy at hand, or was told
    not to compile (NUMBA_DISABLE_JIT): as plain loops its kernels would be slower than numpy.

    >>> quick_kernels(1_000) is None
    True
    """
    if entries < PAYS or os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return None
    with _ONE_AT_A_TIME:
        try:
            return compiled()
        except ImportError:
            return None
