"""Which flags the text of one training script declares."""

from __future__ import annotations

from master.code.declarations.reading import flags_in
from master.code.declarations.text import parsed


def flags_of(source: str) -> frozenset[str]:
    """Return the long flags that a script declares (by argparse, click or typer), without their dashes.

    Names stay as they are declared (`batch-size` and `batch_size` differ).  Raises SyntaxError where the text
    is not Python.
    """
    found = flags_in("the script", [parsed(source)]).by_name.values()
    return frozenset(flag.spelling[2:] for flag in found if flag.spelling.startswith("--"))
