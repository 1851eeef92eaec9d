"""What Python really loads, for layouts that nobody thought of, is part of what was read from the text."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import hypothesis
from hypothesis import strategies as st

from master.code.import_closure import closure_of

FOLDERS = ["", "a/", "a/b/", "c/", "a/c/"]
MODULES = [
    f"{folder}{name}.py"
    for folder in FOLDERS
    for name in ("m", "n", "__init__")
    if folder or name != "__init__"
]
DOTTED = ["m", "n", "a", "a.m", "a.b", "a.b.n", "a.c.m", "c", "c.n"]
STATEMENTS = [
    *(f"import {name}" for name in DOTTED),
    *(f"from {name} import m, n" for name in DOTTED),
    *(f"from {name} import *" for name in DOTTED),
    *("from . import m", "from .. import n", "from .b import m", "from ..a.b import n", "from .n import *"),
    *(f"importlib.import_module({name!r})" for name in DOTTED),
]
ENTRY = """
import importlib, json, pathlib, sys
{body}
here = pathlib.Path(__file__).parent
files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
ours = [str(pathlib.Path(name).relative_to(here)) for name in files if name and str(here) + "/" in name]
print(json.dumps(ours))
"""


def tried(statements: list[str]) -> str:
    lines = [
        f"try:\n    {statement}\nexcept Exception:\n    pass"
        for statement in statements
        if "*" not in statement
    ]
    stars = [statement for statement in statements if "*" in statement]
    return "\n".join(
        ["import importlib", *lines, *(f"try:\n    {line}\nexcept Exception:\n    pass" for line in stars)]
    )


bodies = st.lists(st.sampled_from(STATEMENTS), max_size=3)


@hypothesis.settings(max_examples=60)
@hypothesis.given(
    layout=st.dictionaries(st.sampled_from(MODULES), bodies, max_size=10),
    entry=st.lists(
        st.sampled_from([text for text in STATEMENTS if not text.startswith("from .")]),
        min_size=1,
        max_size=5,
    ),
)
def test_nothing_that_python_loads_is_missed(
    layout: dict[str, list[str]], entry: list[str], tmp_path_factory: object
) -> None:
    root = tmp_path_factory.mktemp("layout")  # type: ignore[attr-defined]
    try:
        files = {name: tried(body) for name, body in layout.items()}
        files["train.py"] = ENTRY.format(body=tried(entry))
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        done = subprocess.run(
            [sys.executable, "-S", "-B", "train.py"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        found = closure_of("train.py", files, lambda name: Path(root / name).read_text())
        assert set(json.loads(done.stdout)) <= found.files
        assert not found.doubts
    finally:
        shutil.rmtree(root)
