"""One training as the user asked for it; standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainers.tabular.settings import Settings


@dataclass(frozen=True)
class Request:
    """Which rows, which settings, and where everything goes."""

    settings: Settings
    data: tuple[str, ...]
    """Files, or patterns of them."""
    output_dir: Path
    checkpoint_dir: Path
    tree: str | None = None
    """In ROOT files."""
    start: Path | None = None
    """An earlier output, whose networks are trained further."""
    target_group: str | None = None
    """Whose rows a base model never sees, and what starts from it sees alone."""
    is_base: bool = False
    device: str = "auto"
    gpus: tuple[int, ...] | None = None
    """None: all that this process sees."""
    parallel: bool = True
    num_workers: int = 8
    """Threads that compute, at most."""
    compile: bool = False
    stacking: str = "auto"
    exports: tuple[str, ...] = ()
    plots: bool = True
    overwrite: bool = False
    prepared_cache: str | None = None
    """Folder where columns of large files are kept, or `off`; None: the user's."""
    root: Path = Path()
    """Where `data` and `prepared_cache` begin."""

    @property
    def is_child(self) -> bool:
        """Whether it is a base model that starts from another.

        An attempt goes on from its own checkpoint, whatever the parent is by then.
        """
        return self.is_base and self.start is not None
