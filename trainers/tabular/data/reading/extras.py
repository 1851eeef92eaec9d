"""Packages that only some formats need, imported when they are met."""

from __future__ import annotations

import importlib
from typing import Any

from trainers.common.errors import TrainerError


def needed(module: str, what: str) -> Any:
    """Return a module; TrainerError, which names the extra that brings it, where it is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise TrainerError(f"{what} needs {package}: pip install 'twophase[tabular]'") from error
