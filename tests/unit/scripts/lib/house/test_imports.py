"""Imports are found wherever they hide."""

from scripts.lib.house.imports import imports_of


def test_imports_are_found_wherever_they_hide() -> None:
    source = "import a.b as x\nfrom c import d\ndef f():\n    from .e import g\n    from .. import h\n"
    assert set(imports_of(source, "p.q")) == {"a.b", "c.d", "p.q.e.g", "p.h"}
