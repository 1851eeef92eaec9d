"""What lies outside the limits."""

from scripts.lib.house.limits import outliers_of_tests, p90, product_outliers
from scripts.lib.house.measure import Module, measure_source

GOOD = '"""Good."""\n'


def outliers(*sources: tuple[str, str]) -> dict[str, int]:
    found = product_outliers([measure_source(path, GOOD + source) for path, source in sources])
    return {name: size for name, size in found.items() if not name.startswith("functions ")}


def test_what_is_small_is_no_outlier() -> None:
    assert outliers(("master/a.py", "def f(a):\n    '''Do.'''\n")) == {}


def test_large_functions_modules_and_classes_are_outliers() -> None:
    long = "def _f():\n" + "    x\n" * 50
    methods = "class _C:\n" + "    def _m(self): pass\n" * 16
    flags = "def _g(a, b, c, d, e, f, g): pass\n"
    found = outliers(("master/a.py", long + methods + flags), ("master/b.py", "x\n" * 350))
    assert found.pop("modules median") > 120
    assert found == {
        "function master/a.py:_f": 51,
        "methods master/a.py:_C": 16,
        "parameters master/a.py:_g": 7,
        "module master/b.py": 351,
    }


def test_a_folder_with_too_many_modules_is_an_outlier() -> None:
    sources = [(f"master/view/m{number}.py", "") for number in range(17)]
    assert outliers(*sources, ("master/view/__init__.py", "")) == {"folder master/view": 17}


def test_an_import_that_leads_up_and_a_circle_are_outliers() -> None:
    up = ("master/storage/a.py", "from master.runs.b import x\n")
    down = ("master/runs/b.py", "from master.storage import a\n")
    assert outliers(up, down) == {
        "arrow master.storage -> master.runs": 1,
        "circle master.runs master.storage": 2,
    }


def test_a_room_without_a_place_in_the_order_is_an_outlier() -> None:
    cellar = ("master/cellar/a.py", "from master.errors import x\n")
    assert outliers(cellar, ("master/errors.py", "")) == {"room master.cellar (not in the order)": 1}


def test_missing_docstrings_are_an_outlier() -> None:
    assert outliers(("master/a.py", "def f(): pass\n")) == {"undocumented percent": 50}


def test_unit_tests_that_assert_nothing_themselves_are_outliers() -> None:
    def module(path: str) -> Module:
        return measure_source(path, "def test_x():\n    run()\n\ndef helper():\n    run()\n")

    assert outliers_of_tests([module("tests/unit/a.py"), module("tests/e2e/a.py")]) == {
        "assertion tests/unit/a.py:test_x": 1
    }


def test_nine_of_ten_do_not_exceed_p90() -> None:
    assert p90(range(1, 11)) == 9
    assert p90([]) == 0
