"""Which library a program's flags come from, and what is known of them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from master.code.declarations.reading import flags_in, read_flags
from master.code.sources import CodeRequest, find_sources
from master.core.flags.declared import Style
from master.core.flags.passing import arguments
from tests.unit.master.code.declarations.meant import read

ARGPARSE = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr')\np.parse_args()\n"
CONFIG = {"model.lr": 0.1, "amp": False, "layers": [1, 2], "name": "a b"}


@pytest.mark.parametrize(
    ("source", "why", "argv"),
    [
        (
            "import hydra\n@hydra.main(version_base=None, config_path='conf')\ndef main(cfg): pass",
            "Hydra",
            ["model.lr=0.1", "amp=false", "layers=[1,2]", "name='a b'"],
        ),
        (
            "from lightning.pytorch.cli import LightningCLI\nLightningCLI(Model, run=False)",
            "LightningCLI",
            ["--model.lr=0.1", "--amp=false", "--layers=[1, 2]", "--name=a b"],
        ),
        (
            "from lightning.pytorch.cli import LightningCLI\nLightningCLI(Model)",
            "LightningCLI",
            ["fit", "--model.lr=0.1", "--amp=false", "--layers=[1, 2]", "--name=a b"],
        ),
        (
            "import jsonargparse\njsonargparse.CLI(main)",
            "jsonargparse",
            ["--model.lr=0.1", "--amp=false", "--layers=[1, 2]", "--name=a b"],
        ),
        (
            "import tyro\ntyro.cli(main)",
            "tyro",
            ["--model.lr", "0.1", "--layers", "1", "2", "--name", "a b"],
        ),
        ("print(1)", "no declaration", ["--model.lr", "0.1", "--layers", "1", "2", "--name", "a b"]),
    ],
)
def test_what_makes_flags_as_it_runs_gets_them_in_its_style(source: str, why: str, argv: list[str]) -> None:
    script = read(source)
    assert why in script.open
    assert arguments(CONFIG, script) == argv


def test_an_import_alone_makes_no_flags() -> None:
    script = read("from absl import logging\nimport click\n" + ARGPARSE)
    assert (script.open, sorted(script.by_name), script.style) == ("", ["lr"], Style.SEPARATE)


def test_a_script_that_declares_all_itself_is_not_read_with_others() -> None:
    other = ast.parse("import argparse\np = argparse.ArgumentParser()\np.add_argument('--other')")
    assert sorted(flags_in("a.py", [ast.parse(ARGPARSE), other]).by_name) == ["lr"]


def test_what_a_script_declares_in_other_files_is_read_there(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("from options import options\noptions().parse_args()\n")
    (tmp_path / "options.py").write_text(
        "import argparse\nfrom more import add\n"
        "def options():\n    p = argparse.ArgumentParser()\n"
        "    p.add_argument('--lr')\n    add(p)\n    return p\n"
    )
    (tmp_path / "more.py").write_text("def add(p): p.add_argument('--wd', type=float)\n")
    (tmp_path / "unrelated.py").write_text(ARGPARSE.replace("lr", "none"))
    script = read_flags(find_sources(CodeRequest(tmp_path / "train.py")))
    assert (script.script, script.open, sorted(script.by_name)) == ("train.py", "", ["lr", "wd"])


def test_a_module_is_read_as_its_file_is(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "__init__.py").write_text("")
    (tmp_path / "lab" / "train.py").write_text(ARGPARSE)
    script = read_flags(find_sources(CodeRequest(module="lab.train", here=tmp_path)))
    assert (script.script, sorted(script.by_name)) == ("lab/train.py", ["lr"])


def test_what_is_not_python_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "train.sh"
    path.write_text('#!/bin/sh\npython train.py "$@"\n')
    path.chmod(0o755)
    script = read_flags(find_sources(CodeRequest(path)))
    assert (script.script, script.open, dict(script.by_name)) == ("train.sh", "it is no Python file", {})


def test_a_file_that_does_not_parse_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("def (")
    assert "no declaration" in read_flags(find_sources(CodeRequest(tmp_path / "train.py"))).open


def test_a_parser_that_another_file_has_for_itself_is_not_the_script_s() -> None:
    entry = "from their_lib import get_options\nimport utils\nget_options()\n"
    utils = "import argparse\ndef main():\n    p = argparse.ArgumentParser()\n    p.add_argument('--other')\n"
    utils += "if __name__ == '__main__':\n    main()\n"
    script = flags_in("train.py", [ast.parse(entry), ast.parse(utils)])
    assert ("no declaration" in script.open, dict(script.by_name)) == (True, {})


def test_a_parser_that_another_file_makes_is_read_with_what_the_script_adds() -> None:
    entry = "from options import get_parser\np = get_parser()\np.add_argument('--lr')\np.parse_args()"
    options = "import argparse\ndef get_parser():\n    q = argparse.ArgumentParser()\n"
    options += "    q.add_argument('--wd')\n    return q"
    script = flags_in("train.py", [ast.parse(entry), ast.parse(options)])
    assert (script.open, sorted(script.by_name)) == ("", ["lr", "wd"])
    assert "get_parser may declare more" in flags_in("train.py", [ast.parse(entry)]).open


def test_options_that_another_file_has_for_all_commands_are_read() -> None:
    entry = "import click\nfrom shared import common\n@click.command()\n@common\n"
    entry += "@click.option('--lr')\ndef main(lr): pass"
    shared = "import click\ndef common(f):\n    return click.option('--seed', type=int)(f)"
    script = flags_in("train.py", [ast.parse(entry), ast.parse(shared)])
    assert (script.open, sorted(script.by_name)) == ("", ["lr", "seed"])
