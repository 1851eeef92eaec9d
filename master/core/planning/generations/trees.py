"""Base models as a tree: what comes of what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping


def in_tree(spec_hashes: Iterable[str], parents: Mapping[str, str]) -> list[tuple[str, int]]:
    """Return base models, each behind what it starts from, with how many of its ancestors are among them.

    What comes of one stays in the order that was given; what files say to come of itself stands at the end.
    """
    listed = list(dict.fromkeys(spec_hashes))
    if not parents:
        return [(each, 0) for each in listed]
    known, children = set(listed), dict[str | None, list[str]]()
    for each in listed:
        parent = parents.get(each)
        children.setdefault(parent if parent in known else None, []).append(each)
    found, waiting = dict[str, int](), [(each, 0) for each in reversed(children.get(None, ()))]
    while waiting:
        each, depth = waiting.pop()
        found[each] = depth
        waiting += [(child, depth + 1) for child in reversed(children.get(each, ()))]
    return [*found.items(), *((each, 0) for each in listed if each not in found)]


def line(spec_hash: str | None, parents: Mapping[str, str]) -> Iterator[str]:
    """Yield a base model and what it comes of, the nearest ancestor first.

    Each once: files that say which is the parent of which may have been edited.
    """
    seen = set[str]()
    while spec_hash and spec_hash not in seen:
        yield spec_hash
        seen.add(spec_hash)
        spec_hash = parents.get(spec_hash)


def below(direct: Mapping[str, int], parents: Mapping[str, str]) -> dict[str, int]:
    """Return how many experiments start from each base model or from what comes of it.

    `direct` has how many start from it itself.
    """
    counts = dict(direct)
    for spec_hash, number in direct.items() if parents else ():
        for ancestor in line(parents.get(spec_hash), parents):
            counts[ancestor] = counts.get(ancestor, 0) + number
    return counts


def branch(depth: int) -> str:
    """Return what stands before a base model in a table."""
    return f"{'  ' * (depth - 1)}└ " if depth else ""
