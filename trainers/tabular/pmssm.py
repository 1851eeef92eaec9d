"""The command `train_pmssm`: `train_tabular` with the data, split and models of a pMSSM scan."""

from __future__ import annotations

from collections.abc import Sequence

from trainers.tabular import cli


def main(argv: Sequence[str] | None = None) -> int:
    """Train the models that the flags name, by default those of a pMSSM scan; return the exit code."""
    return cli.main(argv, preset="pmssm")
