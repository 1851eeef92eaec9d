"""Whether a script can make and use base models, as far as its text tells."""

from __future__ import annotations

from collections.abc import Sequence

from master.code.code_record import CodeRecord
from master.code.sources import Sources
from master.core.planning.plan import BASE_MODELS
from worker_agent.protocol.script_contract import BASE_MODEL_DIR, PARENT_MODEL_DIR, RESUME_MODEL_DIR

_WORDS = (BASE_MODEL_DIR.encode(), BASE_MODELS.encode())
"""One stands in each script that follows the contract, or writes where base models are looked for."""


def no_place_for_base_models(sources: Sources, record: CodeRecord) -> str:
    """Say that a script names no place for base models; "" where it does, and for a trainer."""
    if sources.entry is None or _names_one(sources, record):
        return ""
    return (
        f"{sources.entry} is not seen to make base models: neither it nor what it imports names"
        f" {BASE_MODEL_DIR}, where Phase 1 has to leave one and Phase 2 finds it (docs/script_contract.md)"
    )


def no_place_for_parents(sources: Sources, record: CodeRecord) -> str:
    """Say that a script reads no parent of a base model; "" where it does, and for a trainer."""
    if sources.entry is None or _names_one(sources, record, (PARENT_MODEL_DIR.encode(),)):
        return ""
    return (
        f"{sources.entry} is not seen to start base models from others: neither it nor what it imports names"
        f" {PARENT_MODEL_DIR}, where a training finds the one that it starts from (docs/lineages.md)"
    )


def no_place_for_rungs(sources: Sources, record: CodeRecord) -> str:
    """Say that a script goes on from no base model; "" where it does, and for a trainer."""
    if sources.entry is None or _names_one(sources, record, (RESUME_MODEL_DIR.encode(),)):
        return ""
    return (
        f"{sources.entry} is not seen to go on from base models of fewer epochs: neither it nor what it"
        f" imports names {RESUME_MODEL_DIR}, where it finds the one to go on from (docs/lineages.md)"
    )


def _names_one(sources: Sources, record: CodeRecord, words: Sequence[bytes] = _WORDS) -> bool:
    """Tell whether a file of the program has one of the words, or cannot be read."""
    try:
        return any(word in (sources.root / name).read_bytes() for name in record.files for word in words)
    except OSError:
        return True
