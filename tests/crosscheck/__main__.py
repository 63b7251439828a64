"""python -m tests.crosscheck [INPUTS] [SEED] — every check on so many random inputs; the first disagreement ends it."""

from __future__ import annotations

import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from kashu.kernel import clock
from tests.crosscheck.chance import Chance


def main(inputs: int = 400, seed: int = 1) -> int:
    """Run all checks; 1 where one disagrees."""
    now, total = clock.now, 0
    for path in sorted(Path(__file__).parent.glob("check_*.py")):
        module = import_module(f"tests.crosscheck.{path.stem}")
        began, names = time.monotonic(), [name for name in vars(module) if name.startswith("check_")]
        for name in names:
            for turn in range(inputs):
                clock.now = now
                try:
                    getattr(module, name)(Chance(f"{seed} {path.stem} {name} {turn}"))
                except Exception:
                    print(f"{path.stem}.{name}: disagreement at input {turn}, seed {seed}", flush=True)
                    raise
        total += inputs * len(names)
        took = f"{time.monotonic() - began:.0f} s"
        print(
            f"{module.PACKAGE} {version(module.PACKAGE)}: {', '.join(names)}: {inputs} inputs each, agreed ({took})",
            flush=True,
        )
    print(f"{total} comparisons, seed {seed}, cryptography {version('cryptography')}: no disagreement")
    return 0


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:])))
