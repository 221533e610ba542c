"""What importing the front door costs above the three libraries that it stands on.

    python benchmarks/import_time.py

Each run is a fresh process: CPU seconds of `import attrs, networkx, numpy`, then of
`from rupturekit import Cohort, StateMachine, trace` in the same process. Byte code is compiled before the first run.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any

import numpy as np

RUNS = 21
AT_MOST = 0.15
MEASURED = """
import time
begun = time.process_time()
import attrs, networkx, numpy
between = time.process_time()
from rupturekit import Cohort, StateMachine, trace
print(between - begun, time.process_time() - between)
"""


def seconds() -> tuple[float, float]:
    """Return CPU seconds of the three libraries and, above them, of the front door, in one fresh process."""
    done = subprocess.run([sys.executable, "-c", MEASURED], check=True, capture_output=True, text=True)
    libraries, ours = map(float, done.stdout.split())
    return libraries, ours


def measure() -> dict[str, Any]:
    """Return the medians, and the goal beside them."""
    seconds()
    runs = [seconds() for _ in range(RUNS)]
    libraries, ours = (statistics.median(column) for column in zip(*runs, strict=True))
    return {"what": "CPU seconds of `from rupturekit import Cohort, StateMachine, trace` above its three dependencies",
            "runs": RUNS, "python": sys.version.split()[0], "numpy": np.__version__,
            "three_libraries": round(libraries, 4), "above_them": round(ours, 4),
            "least": round(min(one for _, one in runs), 4), "most": round(max(one for _, one in runs), 4),
            "at_most": AT_MOST}


def main() -> int:
    """Print the measurement; 0 where the goal is met."""
    found = measure()
    print(json.dumps(found, indent=2))
    return 0 if found["above_them"] <= AT_MOST else 1


if __name__ == "__main__":
    sys.exit(main())
