"""The scripts of `examples/scripts`: how each is started, and what it leaves in a folder."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.needs import missing

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "examples" / "scripts"
_DATE, _TIME, _PID = r"\d{4}-\d{2}-\d{2}", r"\d{2}-\d{2}-\d{2}", r"\.\d+\.pid$"
CACHE = "__pycache__"

Left = dict[str, bytes]
"""What a script left: name, dates and process numbers apart → content."""


@dataclass(frozen=True)
class Usual:
    """One of the scripts."""

    name: str
    what: str
    """A file, or a module."""
    needs: tuple[str, ...] = ()
    varies: tuple[str, ...] = ()
    """Endings of files whose content another run does not repeat."""

    @property
    def is_module(self) -> bool:
        return "." in self.what and not self.what.endswith((".py", ".sh"))

    @property
    def job_id(self) -> str:
        """What `run_all_training` calls it."""
        return self.what if self.is_module else Path(self.what).stem

    def check_needs(self) -> None:
        """Skip the test where a package is missing; fail it where nothing may be."""
        for package in self.needs:
            if importlib.util.find_spec(package) is None:
                missing(f"no package {package}: pip install -c constraints.txt -e '.[examples]'")

    def argv(self) -> list[str]:
        """Return how one starts it by hand."""
        if self.is_module:
            return [sys.executable, "-m", self.what]
        return [sys.executable, self.what] if self.what.endswith(".py") else [f"./{self.what}"]

    def by_hand(self, folder: Path) -> Left:
        """Run it in a copy of the folder of all of them, and return what it left there."""
        shutil.copytree(SCRIPTS, folder, ignore=shutil.ignore_patterns(CACHE))
        done = subprocess.run(self.argv(), cwd=folder, capture_output=True, text=True, timeout=120)
        _end_servers(folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return left_in(folder)

    def same(self, one: Left, other: Left) -> None:
        """Assert that two runs left the same names, and the same bytes where the script repeats them."""
        assert sorted(one) == sorted(other)
        for name, content in one.items():
            assert name.endswith(self.varies) or other[name] == content, name


def left_in(folder: Path, *ours: str) -> Left:
    """Return the files below a folder that the scripts' own folder has not; links are followed."""
    return {
        _timeless(name): path.read_bytes()
        for name, path in _files(folder)
        if name not in ours and not (SCRIPTS / name).is_file()
    }


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for root, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name != CACHE]
        for name in names:
            yield (Path(root) / name).relative_to(folder).as_posix(), Path(root) / name


def _timeless(name: str) -> str:
    return re.sub(_PID, ".PID", re.sub(_TIME, "TIME", re.sub(_DATE, "DATE", name)))


def _end_servers(folder: Path) -> None:
    """End what a script left running when nobody but its user looked after it."""
    for path in folder.glob("logs/server.*.pid"):
        with suppress(ProcessLookupError):
            os.kill(int(path.read_text()), signal.SIGKILL)


def servers(left: Left) -> list[int]:
    """Return the processes that the script which leaves one running has started."""
    return [int(content) for name, content in left.items() if name.endswith(".PID")]


def lives(pid: int) -> bool:
    """Return whether there is a process that has not ended."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


USUAL = (
    Usual("argparse", "train_argparse.py"),
    Usual("hydra style", "train_hydra_style.py"),
    Usual("click", "train_click.py", needs=("click",)),
    Usual("typer", "train_typer.py", needs=("typer",)),
    # Its checkpoints hold the path of the folder that they were written to.
    Usual("lightning", "train_lightning.py", needs=("lightning",), varies=(".ckpt",)),
    Usual("beside file", "train_beside_file.py", needs=("torch",)),
    Usual("tqdm", "train_tqdm.py", needs=("tqdm",)),
    Usual("module", "letters.train"),
    Usual("bash", "train.sh"),
    Usual("background", "train_background.py", varies=(".PID",)),
)
