"""Which files belong to a program, read from its text."""

from __future__ import annotations

import textwrap

import pytest

from master.code.import_closure import Closure, closure_of


def closure(entry: str, **files: str) -> Closure:
    """Keys have `__` for `/` and lack `.py`; others are given as `data`."""
    return of(entry, {f"{name.replace('__', '/')}.py": text for name, text in files.items()})


def of(entry: str, files: dict[str, str]) -> Closure:
    return closure_of(entry, files, lambda name: textwrap.dedent(files[name]))


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        ("import helper", {"helper.py"}),
        ("import helper as h, numpy", {"helper.py"}),
        ("def f():\n    from helper import g", {"helper.py"}),
        ("try:\n    import fast\nexcept ImportError:\n    import helper", {"helper.py"}),
        ("import pkg", {"pkg/__init__.py"}),
        ("import pkg.deep.leaf", {"pkg/__init__.py", "pkg/deep/__init__.py", "pkg/deep/leaf.py"}),
        ("from pkg import other", {"pkg/__init__.py", "pkg/other.py"}),
        ("from pkg.deep import leaf", {"pkg/__init__.py", "pkg/deep/__init__.py", "pkg/deep/leaf.py"}),
        ("from pkg import *", {"pkg/__init__.py", "pkg/other.py"}),
        ("from pkg.other import name", {"pkg/__init__.py", "pkg/other.py"}),
        ("import space.tool", {"space/tool.py"}),
        ("from space import tool", {"space/tool.py"}),
        ("import json, torch", set()),
        ("import importlib\nimportlib.import_module('pkg.other')", {"pkg/__init__.py", "pkg/other.py"}),
        ("__import__('helper')", {"helper.py"}),
        ("import inside_src", {"src/inside_src.py"}),
        ("import sys\nsys.path.append('lib')\nimport far", {"lib/far.py"}),
        (
            "import subprocess\nsubprocess.run(['python', 'tools/make.py'])",
            {"tools/make.py", "tools/made.py"},
        ),
    ],
)
def test_imports_are_followed(text: str, reached: set[str]) -> None:
    files = {
        "train.py": text,
        "helper.py": "",
        "pkg/__init__.py": "",
        "pkg/other.py": "",
        "pkg/deep/__init__.py": "",
        "pkg/deep/leaf.py": "",
        "space/tool.py": "",
        "src/inside_src.py": "",
        "lib/far.py": "",
        "lib/json.py": "",
        "tools/make.py": "import made",
        "tools/made.py": "",
        "README.md": "helper",
    }
    assert of("train.py", files) == Closure(frozenset({"train.py", *reached}))


def test_what_a_module_imports_counts_too_and_circles_end() -> None:
    found = closure("train.py", train="import a", a="import b", b="import a, c", c="", d="")
    assert found.files == {"train.py", "a.py", "b.py", "c.py"}


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        ("from . import sibling", {"pkg/sibling.py"}),
        ("from .sibling import x", {"pkg/sibling.py"}),
        ("from .. import top", {"top.py"}),
        ("from ..other.mod import x", {"other/mod.py"}),
    ],
)
def test_relative_imports_start_from_the_module_s_own_package(text: str, reached: set[str]) -> None:
    files = {
        "train.py": "import pkg.module",
        "pkg/module.py": text,
        "pkg/sibling.py": "",
        "top.py": "",
        "other/mod.py": "",
    }
    assert of("train.py", files).files == {"train.py", "pkg/module.py", *reached}


def test_what_an_init_hands_on_counts() -> None:
    files = {
        "train.py": "from models import Net",
        "models/__init__.py": "from .net import Net",
        "models/net.py": "",
        "models/unused.py": "",
    }
    assert of("train.py", files).files == {"train.py", "models/__init__.py", "models/net.py"}


def test_a_script_in_a_folder_sees_its_own_folder_first() -> None:
    files = {"scripts/train.py": "import helper", "scripts/helper.py": "", "helper.py": ""}
    assert {"scripts/train.py", "scripts/helper.py"} <= of("scripts/train.py", files).files


def test_a_module_run_by_name_counts_its_packages() -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/__main__.py": "from pkg.core import run",
        "pkg/core.py": "",
        "x.py": "",
    }
    assert of("pkg/__main__.py", files).files == {"pkg/__init__.py", "pkg/__main__.py", "pkg/core.py"}


@pytest.mark.parametrize(
    "text",
    [
        "import importlib\nimportlib.import_module(name)",
        "import importlib\nimportlib.import_module(f'models.{name}')",
        "from importlib import import_module as load\nload('helper')",
        "import importlib\nimportlib.import_module('.helper', package)",
        "exec(open('helper.py').read())",
        "import runpy\nrunpy.run_path(path)",
        "import pkgutil\nlist(pkgutil.iter_modules())",
        "from hydra.utils import instantiate\ninstantiate(config)",
        "def broken(:",
    ],
)
def test_where_an_import_cannot_be_followed_all_python_files_count(text: str) -> None:
    found = closure("train.py", train=text, helper="", deep__other="")
    assert found.files == {"train.py", "helper.py", "deep/other.py"}
    assert found.doubts and all(doubt.startswith("train.py:") for doubt in found.doubts)


@pytest.mark.parametrize(
    "text", ["model.eval()\nre.compile('x')\npattern.exec()", "'import_module'", "# exec(x)"]
)
def test_what_only_looks_dynamic_raises_no_doubt(text: str) -> None:
    assert closure("train.py", train=text, helper="") == Closure(frozenset({"train.py"}))


def test_a_text_that_is_none_counts_as_doubt() -> None:
    def read(name: str) -> str:
        raise SyntaxError("unknown encoding")

    found = closure_of("train.py", ["train.py", "other.py"], read)
    assert (found.files, found.doubts) == (
        {"train.py", "other.py"},
        ("train.py: cannot be parsed: unknown encoding",),
    )


@pytest.mark.parametrize(
    ("literal", "named"),
    [
        ("'configs/base.yaml'", {"configs/base.yaml"}),
        ("'./configs/base.yaml'", {"configs/base.yaml"}),
        ("'../configs/base.yaml'", {"configs/base.yaml"}),
        ("'x/configs/base.yaml'", set()),
        ("'s/base.yaml'", set()),
        ("Path('configs') / 'base.yaml'", {"configs/base.yaml", "other/base.yaml"}),
        ("f'configs/{name}.yaml'", {"configs/base.yaml", "configs/large.yaml"}),
        ("'settings.toml'", {"settings.toml"}),
        ("'tokens.JSON'", set()),
        ("'notes.txt'", set()),
        ("'[a-z]*.yaml'", set()),
        ("'yaml'", set()),
    ],
)
def test_configuration_that_a_literal_names_counts(literal: str, named: set[str]) -> None:
    files = {
        "train.py": f"use({literal})",
        "configs/base.yaml": "",
        "configs/large.yaml": "",
        "other/base.yaml": "",
        "settings.toml": "",
        "unused.json": "",
        "notes.txt": "",
    }
    assert of("train.py", files).files == {"train.py", *named}
