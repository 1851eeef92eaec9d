"""What the verbs promise to print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[4] / "docs" / "verbs.schema.json").read_text())


def as_published(kind: str, text: str) -> Any:
    """Return what was printed, which must be as the schema of this kind has it."""
    printed = json.loads(text)
    jsonschema.validate(printed, {**SCHEMA, "anyOf": [{"$ref": f"#/$defs/{kind}"}]})
    return printed
