"""Who a base model is trained on."""

from __future__ import annotations

from collections.abc import Sequence


def base_participants(participants: Sequence[str], fold: int, n_base_participants: int | str) -> list[str]:
    """Return the sorted participants whose data trains the base model of one fold.

    All but `participants[fold]`, the first `n_base_participants` of them (or `all`), then sorted.  The head
    node finds the same ones from the job's fields, as a test of both shows.
    Raises ValueError where `fold` or `n_base_participants` is out of range.
    """
    if not 0 <= fold < len(participants):
        raise ValueError(f"fold is {fold}, allowed are 0 to {len(participants) - 1}")
    others = [name for index, name in enumerate(participants) if index != fold]
    if n_base_participants == "all":
        return sorted(others)
    if not isinstance(n_base_participants, int) or not 1 <= n_base_participants <= len(others):
        raise ValueError(
            f"n_base_participants is {n_base_participants!r}, allowed are 'all' and 1 to {len(others)}"
        )
    return sorted(others[:n_base_participants])
