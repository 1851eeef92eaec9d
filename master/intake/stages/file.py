"""What a jobs file says of its stages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from master.core.nearest import hint, shown
from master.intake.head_paths import expanded
from master.intake.lineages.reading import STAGES, has_lineage
from master.intake.lineages.resuming import RESUME
from master.intake.strict_json import Document, Node, read_document
from master.intake.sweeps.expansion import GROUP_KEYS

_NAME, _SCRIPT, _JOBS, _FROM = "name", "script", "jobs", "from"


@dataclass(frozen=True)
class Stage:
    """A script and its jobs."""

    name: str
    script: Path
    """Absolute."""
    jobs: Node
    """A list of jobs or what spells them out, in this file or in one of its own."""


@dataclass(frozen=True)
class Stages:
    """The script that makes base models, and the one that starts from them."""

    makes: Stage
    uses: Stage
    source: str


def has_stages(document: Document) -> bool:
    """Tell whether a jobs file is one of stages with scripts of their own."""
    value = document.value
    return isinstance(value, dict) and STAGES in value and not has_lineage(value)


def read_stages(document: Document) -> Stages:
    """Return the stages of a file that has some.  Raises ConfigError."""
    top = document.root
    if (resume := top.get(RESUME)) is not None:
        resume.fail("stages with scripts of their own list what makes base models, and none of it is resumed")
    listed = top.get(STAGES)
    nodes = list(listed.items()) if listed else []
    top.only_keys(("$schema", STAGES))
    if listed is None or len(nodes) != 2:
        (listed or top).fail("must be two stages: one that makes base models, and one `from` it")
    first, second = nodes
    first.only_keys((_NAME, _SCRIPT, _JOBS))
    second.only_keys((_NAME, _FROM, _SCRIPT, _JOBS))
    makes, uses = _stage(first), _stage(second)
    if makes.name == uses.name:
        second.fail(f"the stage before is called {shown(uses.name)}, too: give it another name")
    source = _needed(second, _FROM)
    if source.string() != makes.name:
        source.fail(
            f"no stage before is called {shown(source.string())}: {hint(source.string(), (makes.name,))}"
        )
    return Stages(makes, uses, document.source)


def _stage(node: Node) -> Stage:
    script = _needed(node, _SCRIPT)
    path = expanded(Path(script.string()), node.document.source)
    if not path.is_file():
        script.fail(f"{path} does not exist: paths are relative to the current directory")
    return Stage(_needed(node, _NAME).string(), path, _jobs(_needed(node, _JOBS)))


def _jobs(node: Node) -> Node:
    """Return the jobs of a stage; a text names a file of them."""
    if isinstance(node.value, str):
        node = read_document(expanded(Path(node.string()), node.document.source)).root
    if isinstance(node.value, dict):
        node.only_keys(("$schema", *GROUP_KEYS))
    return node


def _needed(node: Node, key: str) -> Node:
    found = node.get(key)
    if found is None:
        node.fail(f"`{key}` is missing")
    return found
