"""What a built-in trainer is, as its manifest says: read as data, without importing the trainer.

A trainer is a folder of `trainers/` with a `manifest.json`; `docs/trainers.md` describes its keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from master.code.declarations.of_argparse import argparse_flags
from master.code.declarations.text import parsed
from master.code.resident.fused_section import fused_section
from master.code.resuming.resumes_section import resumes_section
from master.core.flags.declared import Flag, ScriptFlags, Takes
from master.core.nearest import literal, unknown
from master.core.planning.job_shape import JobShape
from master.errors import UsageError
from master.intake.participant_jobs import SPLIT
from master.intake.strict_json import Node, read_document
from master.specs import Fused
from worker_agent.protocol.digests import FileDigest, content_hash, digest_file
from worker_agent.protocol.script_contract import EXECUTORS, executor_of_name

DEFAULT_TRAINER = "personalization"
MANIFEST = "manifest.json"
TRAINERS = Path(__file__).resolve().parents[2] / "trainers"
"""Where the built-in trainers lie: one folder each, and the rooms that they share."""
NOT_RECORDED = ""

_REQUIRED = ("name", "description", "version", "sources", "executors")
_KEYS = (
    *_REQUIRED,
    *("shares", "fields", "switches", "base_models", "participants"),
    *("fine_tuning_fields", "modes", "kind_fields", "fused", "parents", "resumes"),
)
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class TrainerManifest:
    """A trainer as its manifest describes it."""

    folder: Path
    name: str
    description: str
    version: str
    """Raised whenever the same flags and data give another base model; part of a base model's identity."""
    sources: str
    """`sources_digest` when somebody last looked whether the results stay the same."""
    executors: frozenset[str]
    """What can run its jobs."""
    shares: tuple[str, ...]
    """Folders beside its own that it imports from."""
    fields: frozenset[str] | None
    """Flags that it takes; None: those that its sources declare."""
    switches: frozenset[str]
    """Those of `fields` that take no value: `--name` says true, `--no-name` false."""
    shape: JobShape
    """What the fields of its jobs mean."""
    fused: Fused | None = None
    """Which of its jobs it can train at once; None: none."""
    takes_parents: bool = False
    """Whether its base models can start from others."""

    @property
    def identity(self) -> str:
        """What stands for its code in the identity of a base model."""
        return f"trainer:{self.name}:{self.version}"

    @property
    def root(self) -> Path:
        """The folder that the package of trainers lies in."""
        return self.folder.parent.parent

    def modules(self) -> list[Path]:
        """Return its Python files, then those of the rooms that it shares."""
        rooms = (self.folder, *(self.folder.parent / room for room in self.shares))
        return [path for room in rooms for path in sorted(room.rglob("*.py"))]

    def flags(self) -> ScriptFlags:
        """Return the flags that it takes, with what stands behind each."""
        trees = [parsed(path.read_text(encoding="utf-8")) for path in self.modules()]
        flags = argparse_flags(trees).by_name()
        if self.fields is not None:  # words without a flag are those of its other commands
            read = {name: flag for name, flag in flags.items() if flag.place is None}
            flags = {name: read.get(name) or _flag(name, name in self.switches) for name in self.fields}
        return ScriptFlags(by_name=flags, open="", is_exact=True)


def find_trainer_manifest(name: str | None = None, trainers: Path = TRAINERS) -> TrainerManifest:
    """Return what is known of a built-in trainer, by default the default one.

    Raises UsageError naming the known ones, and ConfigError for a manifest that is wrong.
    """
    wanted, known = name or DEFAULT_TRAINER, trainer_names(trainers)
    if wanted not in known:
        raise UsageError(f"--trainer: {unknown(wanted, known)}")
    return read_manifest(trainers / wanted)


def trainer_names(trainers: Path = TRAINERS) -> list[str]:
    """Return the names of all built-in trainers: the folders with a manifest."""
    return sorted(path.parent.name for path in trainers.glob(f"*/{MANIFEST}"))


def sources_digest(manifest: TrainerManifest) -> str:
    """Return the digest of all that decides a trainer's results: its modules and those that it shares."""
    trainers = manifest.folder.parent
    files = ((path.relative_to(trainers).as_posix(), *digest_file(path)) for path in manifest.modules())
    return content_hash(FileDigest(*file) for file in files)


def read_manifest(folder: Path) -> TrainerManifest:
    """Return the manifest in a trainer's folder.  Raises ConfigError."""
    top = read_document(folder / MANIFEST).root
    top.only_keys(_KEYS)
    for key in _REQUIRED:
        if key not in top.value:
            top.fail(f"has no `{key}`: docs/trainers.md describes a trainer's manifest")
    fields = top.get("fields")
    listed = None if fields is None else frozenset(_strings(fields))
    executors = frozenset(_executors(_member(top, "executors")))
    return TrainerManifest(
        folder=folder,
        name=_name(_member(top, "name"), folder),
        description=_member(top, "description").string(),
        version=_version(_member(top, "version")),
        sources=_sources(_member(top, "sources")),
        executors=executors,
        shares=tuple(_shares(top.get("shares"), folder.parent)),
        fields=listed,
        switches=frozenset(_switches(top.get("switches"), fields)),
        shape=_shape(top, listed),
        fused=fused_section(top.get("fused"), executors, listed),
        takes_parents=_is_set(top.get("parents"), usually=False),
    )


def _member(top: Node, key: str) -> Node:
    """Return a member that must not be null."""
    found = top.get(key)
    return top.fail(f"`{key}` must not be null") if found is None else found


def _name(node: Node, folder: Path) -> str:
    if node.string() != folder.name:
        node.fail(f"is {literal(node.value)}, but the folder is called {literal(folder.name)}")
    return folder.name


def _version(node: Node) -> str:
    if not node.string().isdecimal():
        node.fail(f'is {literal(node.value)}, allowed are whole numbers as text, such as "1"')
    return node.string()


def _sources(node: Node) -> str:
    if node.value != NOT_RECORDED and not _DIGEST.fullmatch(node.string()):
        node.fail("must be 64 hexadecimal digits, which `python -m scripts.record_trainer` writes")
    return str(node.value)


def _executors(node: Node) -> Iterator[str]:
    for item in node.items():
        name = executor_of_name(item.string())
        if name not in EXECUTORS:
            item.fail(unknown(item.value, EXECUTORS))
        yield name


def _shares(node: Node | None, trainers: Path) -> Iterator[str]:
    for item in node.items() if node else ():
        room = trainers / item.string()
        if room.parent != trainers or not (room / "__init__.py").is_file():
            item.fail(f"there is no package {literal(item.value)} beside the trainer's folder")
        yield item.value


def _flag(name: str, is_switch: bool) -> Flag:
    spelling = f"--{name}"
    if is_switch:
        return Flag(name, spelling, Takes.NOTHING, on=(spelling,), off=(f"--no-{name}",))
    return Flag(name, spelling, Takes.UNKNOWN)


def _switches(node: Node | None, fields: Node | None) -> Iterator[str]:
    known = {*_strings(fields)}
    for item in node.items() if node else ():
        if item.string() not in known:
            item.fail(unknown(item.value, sorted(known)))
        yield item.value


def _shape(top: Node, fields: frozenset[str] | None) -> JobShape:
    return JobShape(
        base_models=_is_set(top.get("base_models"), usually=True),
        fine_tuning_fields=frozenset(_strings(top.get("fine_tuning_fields"))),
        modes=MappingProxyType(dict(_modes(top.get("modes")))),
        kind_fields=tuple(_strings(top.get("kind_fields"))),
        leave_one_out=SPLIT if _is_set(top.get("participants"), usually=False) else None,
        rungs=resumes_section(top.get("resumes"), fields),
    )


def _modes(node: Node | None) -> Iterable[tuple[str, bool]]:
    for mode, member in node.members() if node else ():
        member.as_object()
        member.only_keys(("base_model",))
        yield mode, _is_set(member.get("base_model"), usually=True)


def _is_set(node: Node | None, *, usually: bool) -> bool:
    if node is None:
        return usually
    if not isinstance(node.value, bool):
        node.fail(f"is {literal(node.value)}, allowed are true and false")
    return node.value


def _strings(node: Node | None) -> Iterator[str]:
    return (item.string() for item in node.items()) if node else iter(())
