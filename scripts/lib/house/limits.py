"""The limits of the house, and what lies outside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from statistics import median

from scripts.lib.house.measure import Module
from scripts.lib.house.rooms import Arrows, between_rooms, circles, storey_of, upward

FUNCTION_LINES = 50
MODULE_LINES = 350
MODULES_A_FOLDER = 16
PARAMETERS = 6
METHODS_A_CLASS = 15
TYPICAL = {"functions median": 6, "functions p90": 16, "modules median": 120}
DOCSTRINGS_PERCENT = 95

Outliers = dict[str, int]
"""What lies outside a limit → its size: `module PATH`, `function PATH:NAME`, `arrow ROOM -> ROOM` …"""


def product_outliers(modules: list[Module]) -> Outliers:
    """Return all that is outside a limit in what users run."""
    arrows = arrows_of(modules)
    return {
        **size_outliers(modules),
        **dict(_more(modules_a_folder(modules), "folder", MODULES_A_FOLDER)),
        **dict(_more(_parameters(modules), "parameters", PARAMETERS)),
        **dict(_more(_methods(modules), "methods", METHODS_A_CLASS)),
        **_room_outliers(arrows),
        **_typical_outliers(modules),
    }


def outliers_of_tests(modules: list[Module]) -> Outliers:
    """Return what is outside a limit in the tests: sizes, and unit tests without a direct assertion.

    A folder of tests mirrors one of the product and holds helpers besides: its modules are not counted.
    """
    return {**size_outliers(modules), **{f"assertion {place}": 1 for place in without_assertion(modules)}}


def size_outliers(modules: list[Module]) -> Outliers:
    """Return the functions and modules that are too large."""
    lengths = {f.place: f.lines for module in modules for f in module.functions}
    return {
        **dict(_more(lengths, "function", FUNCTION_LINES)),
        **dict(_more({module.path: module.lines for module in modules}, "module", MODULE_LINES)),
    }


def modules_a_folder(modules: Iterable[Module]) -> Mapping[str, int]:
    """Count the modules of each folder, `__init__` not among them."""
    return Counter(module.folder for module in modules if not module.path.endswith("__init__.py"))


def arrows_of(modules: Iterable[Module]) -> Arrows:
    """Count the imports between rooms."""
    modules = list(modules)
    folders = {module.folder.replace("/", ".") for module in modules}
    return between_rooms(
        (
            (module.dotted, name)
            for module in modules
            for name in module.imports
            if any(name.startswith(f"{folder}.") for folder in folders)
        ),
        folders,
    )


def without_assertion(modules: Iterable[Module]) -> list[str]:
    """Return the places of the unit tests that assert nothing themselves."""
    return [
        function.place
        for module in modules
        if module.path.startswith("tests/unit/")
        for function in module.functions
        if function.name.startswith("test_") and not function.asserts
    ]


def p90(sizes: Iterable[int]) -> int:
    """Return the size that nine of ten do not exceed."""
    ordered = sorted(sizes)
    return ordered[int(0.9 * (len(ordered) - 1))] if ordered else 0


def documented_percent(modules: Iterable[Module]) -> float:
    """Return how many in a hundred public names have a docstring."""
    modules = list(modules)
    written = sum(module.documented for module in modules)
    return 100 * written / ((written + sum(len(module.undocumented) for module in modules)) or 1)


def typical(modules: list[Module]) -> dict[str, float]:
    """Return the figures that say what most of the code is like."""
    lines = [function.lines for module in modules for function in module.functions] or [0]
    return {
        "functions median": median(lines),
        "functions p90": p90(lines),
        "modules median": median([module.lines for module in modules] or [0]),
    }


def _typical_outliers(modules: list[Module]) -> Outliers:
    found = {name: round(size) for name, size in typical(modules).items() if size > TYPICAL[name]}
    percent = documented_percent(modules)
    return found if percent >= DOCSTRINGS_PERCENT else {**found, "undocumented percent": round(100 - percent)}


def _room_outliers(arrows: Arrows) -> Outliers:
    rooms = {room for arrow in arrows for room in arrow}
    return {
        **{f"arrow {source} -> {target}": count for (source, target), count in upward(arrows).items()},
        **{f"circle {' '.join(group)}": len(group) for group in circles(arrows)},
        **{f"room {room} (not in the order)": 1 for room in rooms if storey_of(room) is None},
    }


def _parameters(modules: list[Module]) -> dict[str, int]:
    return {f.place: f.parameters for module in modules for f in module.functions}


def _methods(modules: list[Module]) -> dict[str, int]:
    return {place: count for module in modules for place, count in module.classes.items()}


def _more(sizes: Mapping[str, int], kind: str, limit: int) -> Iterator[tuple[str, int]]:
    yield from ((f"{kind} {place}", size) for place, size in sizes.items() if size > limit)
