"""What is counted of a source."""

from textwrap import dedent

import pytest

from scripts.lib.house.measure import measure_source

SOURCE = dedent(
    '''
    """A module."""
    import x

    @marked
    def outer(a, *b, c=1, **d):
        """Do."""
        def inner():
            return 1
        return inner

    class Box:
        def open(self, key):
            return key

        @staticmethod
        def close(force):
            """Shut."""

        def _hide(self):
            pass
    '''
).lstrip()


def test_functions_are_counted_from_def_to_end_inner_ones_too() -> None:
    functions = {f.place: (f.lines, f.parameters) for f in measure_source("p/m.py", SOURCE).functions}
    assert functions == {
        "p/m.py:outer": (5, 4),
        "p/m.py:outer.inner": (2, 0),
        "p/m.py:Box.open": (2, 1),
        "p/m.py:Box.close": (2, 1),
        "p/m.py:Box._hide": (2, 0),
    }


def test_methods_are_counted_by_class() -> None:
    assert measure_source("p/m.py", SOURCE).classes == {"p/m.py:Box": 3}


def test_public_names_without_a_docstring_are_named() -> None:
    module = measure_source("p/m.py", SOURCE)
    assert module.documented == 3
    assert module.undocumented == ("p/m.py:Box", "p/m.py:Box.open")


def test_a_module_has_a_folder_and_a_name_for_import() -> None:
    assert (measure_source("p/q/m.py", "").folder, measure_source("p/q/m.py", "").dotted) == ("p/q", "p.q.m")
    assert measure_source("p/q/__init__.py", "").dotted == "p.q"
    assert measure_source("p/q/m.py", "from . import n").imports == {"p.q.n"}


@pytest.mark.parametrize(
    ("body", "asserts"),
    [
        ("assert x", True),
        ("with pytest.raises(ValueError): x()", True),
        ("check_whole(x)", True),
        ("lab.expect_silence()", True),
        ("x.run()", False),
        ("contextlib.suppress(ValueError)", False),
    ],
)
def test_a_test_asserts_itself_or_by_a_helper_whose_name_says_so(body: str, asserts: bool) -> None:
    (function,) = measure_source("t.py", f"def test_it():\n    {body}\n").functions
    assert function.asserts is asserts
