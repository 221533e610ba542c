"""`python -m rupturekit`: the command line."""

from __future__ import annotations

import sys

from rupturekit.cli import main

sys.exit(main())
