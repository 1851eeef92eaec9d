"""Ids by a template: `{model}/{lr}-{seed}` is the text with the values of a job's fields in it."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from master.core.nearest import hint, shown
from master.core.planning.value_texts import value_text
from master.specs import Config

_FIELD = re.compile(r"\{([^{}]*)\}")
_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
_TEXT = re.compile(r"[A-Za-z0-9._+=/-]*")
_SEGMENT = re.compile(r"[A-Za-z0-9_+=][A-Za-z0-9._+=-]*")
_LONGEST_FOLDER, _LONGEST_PATH = 100, 120
LONGEST = 1000


def is_template(value: Any) -> bool:
    """Tell whether an `id` is a template rather than an id."""
    return isinstance(value, str) and "{" in value


def template_problem(text: str) -> str:
    """Return what is wrong with a template, whatever the jobs are; "" where nothing is."""
    if len(text) > LONGEST:
        return f"is a template of more than {LONGEST} characters"
    for name in _FIELD.findall(text):
        if not _FIELD_NAME.fullmatch(name):
            return f"has {shown(f'{{{name}}}')}: between braces stands the name of a field, such as {{lr}}"
    if not _TEXT.fullmatch(_FIELD.sub("", text)):
        return "is no template: allowed are {field}, letters, digits and . _ - + = /"
    return ""


def filled(template: str, config: Config) -> str:
    """Return the id of a job.  Raises KeyError with the field that it lacks."""
    return _FIELD.sub(lambda found: value_text(config[found[1]]), template)


def missing_problem(name: str, known: Collection[str]) -> str:
    """Say of a field that a job lacks what is wrong with the template that names it."""
    if name not in known:
        return f"has {{{name}}}, and no job has such a field: {hint(name, known)}"
    return f"has {{{name}}}, and this job has no such field: give it one, or an `id` of its own"


def name_problem(name: str) -> str:
    """Return why a template's result is no id; "" where it is one once its last part is short enough."""
    folders = name.split("/")[:-1]
    if not all(map(_SEGMENT.fullmatch, name.split("/"))):
        return f"makes {shown(name)}: something must stand between slashes, with no . or - first"
    if any(len(folder) > _LONGEST_FOLDER for folder in folders) or len("/".join(folders)) > _LONGEST_PATH:
        return f"makes {shown(name)}: folders may have {_LONGEST_FOLDER} characters, all {_LONGEST_PATH}"
    return ""
