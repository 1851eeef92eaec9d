"""Why base models are trained again, and what else has changed since those of the store.  Pure."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from master.code.code_record import CodeRecord, changes, listed
from master.core.explaining.versions import age_order
from master.core.planning.identity import CODE_FIELD, canonical_json
from master.specs import BaseModelSpec

Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class CodeReport:
    """What the code has to do with a plan."""

    retrained: Mapping[str, str] = field(default_factory=dict)
    """`spec_hash` of a base model that the store has by other code → why it is trained again."""
    notes: tuple[str, ...] = ()
    """Lines for the user."""


def report_on(
    now: CodeRecord,
    to_train: Iterable[BaseModelSpec],
    in_store: Iterable[Manifest],
    store: Iterable[Manifest],
) -> CodeReport:
    """Return why base models are trained again, and how the code differs from that of those in the store.

    `in_store` are the manifests of the base models that the jobs start from, `store` all that there are.
    """
    former = _newest_by_fields(store)
    pairs = ((spec.spec_hash, former.get(_fields(spec.config))) for spec in to_train)
    # One that is trained again though its code is the same is damaged, which is told elsewhere.
    retrained = {
        key: _why(manifest, now) for key, manifest in pairs if manifest and manifest["spec_hash"] != key
    }
    again = (
        f"{_base_models(count)} trained again: {why}" for why, count in Counter(retrained.values()).items()
    )
    since = Counter(filter(None, (_since(manifest, now) for manifest in in_store)))
    kept = (f"{_base_models(count)} used as in the store: {why}" for why, count in since.items())
    return CodeReport(retrained, (*again, *kept))


def _base_models(count: int) -> str:
    return "1 base model is" if count == 1 else f"{count:,} base models are"


def _fields(config: Mapping[str, Any]) -> str:
    """Return what identifies a base model apart from its code."""
    return canonical_json({name: value for name, value in config.items() if name != CODE_FIELD})


def _newest_by_fields(store: Iterable[Manifest]) -> dict[str, Manifest]:
    return {_fields(manifest.get("config") or {}): manifest for manifest in sorted(store, key=age_order)}


def _trained_at(manifest: Manifest) -> float:
    at = manifest.get("trained_at")
    return float(at) if isinstance(at, (int, float)) else 0.0


def _why(manifest: Manifest, now: CodeRecord) -> str:
    before, when = CodeRecord.from_json(manifest.get("code")), _when(manifest)
    if before is None:
        return f"the one in the store was made{when} by other code, of which its manifest tells no files"
    changed = changes(before, now).program
    if not changed:
        return f"the one in the store was made{when} under another `code_version`"
    return f"{listed(changed)} changed since the one in the store was made{when}"


def _since(manifest: Manifest, now: CodeRecord) -> str:
    """Return what has changed since a base model of the store was made, though it is used."""
    before = CodeRecord.from_json(manifest.get("code"))
    found = changes(before, now) if before else None
    if not found:
        return ""
    said = "`code_version`" if now.entry else "the trainer's version"
    pinned = f"{listed(found.program)}, though {said} says that it does not matter"
    others = f"{listed(found.others)}, which the script does not read as code"
    parts = [text for text, names in ((pinned, found.program), (others, found.others)) if names]
    return f"changed since{_when(manifest)}: {'; '.join(parts)}"


def _when(manifest: Manifest) -> str:
    at = _trained_at(manifest)
    return f" ({time.strftime('%Y-%m-%d %H:%M', time.localtime(at))})" if at else ""
