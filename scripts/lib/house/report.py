"""The measurements as tables, or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.lib.house import limits
from scripts.lib.house.measure import PRODUCT, TESTS, Module, measure
from scripts.lib.house.mirror import strange_folders, untested
from scripts.lib.house.rooms import Arrows, sorted_rooms, upward

OTHERS = ("benchmarks", "examples", "scripts")


class House:
    """A checkout, measured."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.product = measure(root, PRODUCT)
        self.tests = measure(root, TESTS)

    def outliers(self) -> limits.Outliers:
        """Return all that is outside a limit, in the product and in the tests."""
        mirror = [f"untested {path}" for path in untested(self.product, self.tests)]
        folders = {module.folder for module in (*self.product, *measure(self.root, OTHERS), *self.tests)}
        mirror += [f"mirrors nothing {folder}" for folder in strange_folders(folders, self.tests)]
        return {
            **limits.product_outliers(self.product),
            **limits.outliers_of_tests(self.tests),
            **dict.fromkeys(mirror, 1),
        }

    def groups(self) -> dict[str, list[Module]]:
        """Return what is counted apart, by name; the packages of the product also one by one."""
        apart = {name: [m for m in self.product if m.path.startswith(f"{name}/")] for name in PRODUCT}
        return {"product": self.product, **apart, "tests": self.tests, "others": measure(self.root, OTHERS)}


def as_json(house: House) -> dict[str, Any]:
    """Return all figures as plain data."""
    return {
        "groups": {name: _figures(modules) for name, modules in house.groups().items()},
        "arrows": {f"{a} -> {b}": count for (a, b), count in sorted(limits.arrows_of(house.product).items())},
        "unit tests without a direct assertion": limits.without_assertion(house.tests),
        "outliers": house.outliers(),
    }


def as_text(house: House) -> str:
    """Return all tables, one below the other."""
    sizes = {name: _figures(modules) for name, modules in house.groups().items()}
    arrows = limits.arrows_of(house.product)
    bare = limits.without_assertion(house.tests)
    return "\n".join(
        [
            *_size_table(sizes),
            "",
            "imports between rooms: a row imports from a column; ! leads up or sideways",
            *_matrix(arrows),
            "",
            f"unit tests without a direct assertion: {len(bare)}",
            f"modules that no unit test is named after: {len(untested(house.product, house.tests))}",
        ]
    )


def _figures(modules: list[Module]) -> dict[str, float]:
    functions = [function for module in modules for function in module.functions]
    methods = [count for module in modules for count in module.classes.values()]
    return {
        "modules": len(modules),
        **limits.typical(modules),
        "modules p90": limits.p90(module.lines for module in modules),
        "modules max": max((module.lines for module in modules), default=0),
        "functions": len(functions),
        "functions max": max((function.lines for function in functions), default=0),
        "parameters max": max((function.parameters for function in functions), default=0),
        "methods a class max": max(methods, default=0),
        "modules a folder max": max(limits.modules_a_folder(modules).values(), default=0),
        "outliers": len(limits.size_outliers(modules)),
        "docstrings %": round(limits.documented_percent(modules), 1),
    }


COLUMNS = (
    *("modules", "modules median", "modules p90", "modules max"),
    *("functions", "functions median", "functions p90", "functions max"),
    *("parameters max", "methods a class max", "modules a folder max", "docstrings %"),
)
LIMITS = {
    **limits.TYPICAL,
    "modules max": limits.MODULE_LINES,
    "functions max": limits.FUNCTION_LINES,
    "parameters max": limits.PARAMETERS,
    "methods a class max": limits.METHODS_A_CLASS,
    "modules a folder max": limits.MODULES_A_FOLDER,
    "docstrings %": limits.DOCSTRINGS_PERCENT,
}


def _size_table(sizes: dict[str, dict[str, float]]) -> Iterator[str]:
    names = list(sizes)
    yield f"{'':22}" + "".join(f"{name:>14}" for name in [*names, "limit"])
    for column in COLUMNS:
        cells = "".join(f"{sizes[name][column]:>14g}" for name in names)
        yield f"{column:22}{cells}{LIMITS.get(column, ''):>14}"


def _matrix(arrows: Arrows) -> Iterator[str]:
    rooms = sorted_rooms({room for arrow in arrows for room in arrow})
    up = upward(arrows)
    width = max((len(room) for room in rooms), default=0) + 4
    yield " " * width + "".join(f"{number:>5}" for number in range(1, len(rooms) + 1))
    for number, row in enumerate(rooms, 1):
        cells = (f"{arrows.get((row, to), '.')}{'!' * ((row, to) in up)}" for to in rooms)
        yield f"{number:>3} {row:{width - 4}}" + "".join(f"{cell:>5}" for cell in cells)
