"""Which files of a project identify the base models that it makes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import MappingProxyType

import hypothesis
import pytest
from hypothesis import strategies as st

from master.code.code_record import CodeRecord
from master.code.identity import code_identity, record_of, trainer_identity
from master.code.snapshot import trainer_sources
from master.code.sources import CodeRequest, find_sources
from master.code.trainer_manifest import find_trainer_manifest
from master.errors import ConfigError

PROJECT = MappingProxyType(
    {
        "train.py": "import helper\nCONFIG = 'conf/lr.yaml'\n",
        "helper.py": "from pkg import model\n",
        "pkg/__init__.py": "",
        "pkg/model.py": "",
        "pkg/unused.py": "",
        "other.py": "",
        "conf/lr.yaml": "lr: 1\n",
        "conf/other.yaml": "lr: 2\n",
        "README.md": "read me\n",
    }
)


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def record(root: Path, script: str = "train.py", *named: str) -> CodeRecord:
    return record_of(find_sources(CodeRequest(root / script, named=tuple(root / name for name in named))))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, dict(PROJECT))
    return tmp_path


def test_a_program_is_what_it_imports_and_the_files_that_it_names(project: Path) -> None:
    found = record(project)
    assert set(found.files) == {
        *("train.py", "helper.py", "pkg/__init__.py", "pkg/model.py", "conf/lr.yaml"),
    }
    assert set(found.others) == {"pkg/unused.py", "other.py", "conf/other.yaml", "README.md"}
    assert found.files["helper.py"] == hashlib.sha256((project / "helper.py").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", sorted(PROJECT))
def test_exactly_the_files_of_the_program_make_another_identity(project: Path, name: str) -> None:
    before = record(project)
    (project / name).write_text(PROJECT[name] + "#\n")
    assert (record(project).identity != before.identity) == (name in before.files)


def test_a_script_that_is_alone_keeps_the_identity_that_it_always_had(project: Path) -> None:
    digest = hashlib.sha256(b"import torch\n").hexdigest()
    (project / "train.py").write_text("import torch\n")
    assert record(project).identity == f"script:{digest}" == code_identity(CodeRequest(project / "train.py"))


def test_where_an_import_cannot_be_followed_all_python_files_count(project: Path) -> None:
    (project / "train.py").write_text("import importlib, sys\nimportlib.import_module(sys.argv[1])\n")
    assert set(record(project).files) == {name for name in PROJECT if name.endswith(".py")}


def test_a_script_that_is_not_python_is_all_but_documents_and_what_the_command_names(project: Path) -> None:
    extra = (
        "jobs.json",
        "LICENSE",
        "notice.py",
        "docs/a.rst",
        "README.txt",
        "participants.txt",
        ".gitignore",
    )
    write(project, dict.fromkeys((*extra, "run.sh"), "x\n"))
    (project / "run.sh").chmod(0o755)
    found = record(project, "run.sh", "jobs.json", "run.sh")
    assert set(found.others) == {
        "README.md",
        "jobs.json",
        "LICENSE",
        "docs/a.rst",
        "README.txt",
        ".gitignore",
    }
    assert {"run.sh", "notice.py", "participants.txt", *PROJECT} - {"README.md"} == set(found.files)


def test_a_module_is_known_by_its_package(project: Path) -> None:
    write(project, {"pkg/train.py": "from . import model\n"})
    found = record_of(find_sources(CodeRequest(module="pkg.train", here=project)))
    assert set(found.files) == {"pkg/train.py", "pkg/__init__.py", "pkg/model.py"}
    assert found.entry == "pkg/train.py"


def test_a_trainer_is_known_by_its_version(tmp_path: Path) -> None:
    found = record_of(trainer_sources(find_trainer_manifest("probes")), "probes")
    assert found.identity == trainer_identity("probes") == code_identity(trainer="probes")
    assert {"trainers/probes/cli.py", "trainers/common/files.py", "start_probes.py"} <= set(found.files)


def test_a_file_that_is_not_utf8_is_read_by_its_declaration(project: Path) -> None:
    (project / "train.py").write_bytes(b"# -*- coding: latin-1 -*-\nimport helper  # caf\xe9\n")
    assert "helper.py" in record(project).files


def test_a_script_that_cannot_be_read_is_named(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"train2\.py: there is no such script"):
        code_identity(CodeRequest(project / "train2.py"))


names = st.sampled_from(["a", "b", "c"])
modules = st.builds(lambda parts: "/".join(parts) + ".py", st.lists(names, min_size=1, max_size=3))
statements = st.sampled_from(
    [
        *("import a", "import b.c", "from a import b", "from . import c", "from ..a import b"),
        *("from a.b import *", "x = 'a.json'", "import importlib; importlib.import_module('b.a')"),
        "try:\n import c\nexcept OSError: 0",
    ]
)
texts = st.lists(statements, max_size=3).map("\n".join)


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(layout=st.dictionaries(modules, texts, max_size=6), body=texts, data=st.data())
def test_over_layouts_a_change_counts_if_and_only_if_the_file_is_part_of_the_program(
    layout: dict[str, str], body: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("layout")
    files = {**layout, "a.json": "{}", "README.md": "", "train.py": body}
    write(root, {name: text for name, text in files.items() if not (root / name).is_dir()})
    before = record(root)
    changed = data.draw(st.sampled_from(sorted(files)))
    # A comment: nothing else is imported because of it.
    (root / changed).write_text(files[changed] + "\n# changed\n")
    assert (record(root).identity != before.identity) == (changed in before.files)
