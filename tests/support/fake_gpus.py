"""Fake `nvidia-smi` and `rocm-smi` programs on PATH, over GPUs that a test makes up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

GB = 1000**3
_MIB = 1024**2
DRIVER = "570.86.15"

_NVIDIA = """\
import json, os, sys, time
root = {root!r}
with open(root + "/state.json") as stream:
    state = json.load(stream)
with open(root + "/calls", "a") as stream:
    stream.write(" ".join(sys.argv[1:]) + "\\n")
if state["hang"]:
    time.sleep(600)
if state["say"] is not None:
    sys.stdout.write(state["say"])
    sys.exit(state["code"])
what, _, names = sys.argv[1].partition("=")
names = names.split(",")
apps = list(state["apps"])
for name in os.listdir(root + "/apps"):
    if os.path.exists("/proc/" + name):
        with open(root + "/apps/" + name) as stream:
            words = stream.read().split()
        if len(words) == 2:
            apps.append({{"gpu_uuid": words[0], "pid": name, "used_memory": int(words[1]) // {mib}}})
if "mig.mode.current" in names and state["old"]:
    print('Field "mig.mode.current" is not a valid field to query.')
    sys.exit(2)
rows = state["gpus"] if what == "--query-gpu" else apps
for row in rows:
    if what == "--query-gpu" and isinstance(row["memory.used"], int):
        here = [app["used_memory"] for app in apps if app["gpu_uuid"] == row["uuid"]]
        row["memory.used"] += sum(used for used in here if isinstance(used, int))
    print(", ".join(str(row[name]) for name in names))
sys.exit(state["code"])
"""


def gpu(
    index: int,
    gigabytes: float | None = 24.0,
    name: str = "NVIDIA RTX 4090",
    used_mib: int = 300,
    mig: str = "[N/A]",
    utilization: int | str = 7,
) -> dict[str, Any]:
    """Return what the driver tells of a GPU; without a size it does not know its memory."""
    return {
        "index": index,
        "uuid": uuid(index),
        "name": name,
        "memory.total": "[N/A]" if gigabytes is None else int(gigabytes * GB / _MIB),
        "memory.used": "[N/A]" if gigabytes is None else used_mib,
        "driver_version": DRIVER,
        "utilization.gpu": utilization,
        "mig.mode.current": mig,
    }


def uuid(index: int) -> str:
    """Return the UUID of a GPU that `gpu` made."""
    return f"GPU-0000000{index}-aaaa-bbbb-cccc-dddddddddddd"


class FakeGpus:
    """The GPUs of a machine, as its driver's tool tells of them."""

    def __init__(self, root: Path, gpus: Sequence[Mapping[str, Any]]) -> None:
        self.root, self.bin = root, root / "bin"
        self.bin.mkdir(parents=True)
        (root / "apps").mkdir()
        self._state: dict[str, Any] = {"hang": False, "say": None, "code": 0, "old": False, "apps": []}
        self.set(gpus=list(gpus))
        self.program("nvidia-smi", _NVIDIA.format(root=str(root), mib=_MIB))

    def program(self, name: str, code: str) -> None:
        """Put a program in Python on PATH."""
        path = self.bin / name
        path.write_text(f"#!{sys.executable} -SE\n{code}")
        path.chmod(0o755)

    def set(self, **changes: Any) -> None:
        """Change what the tool tells: `gpus`, `apps`, `hang`, `old` (knows no MIG), or `say` and `code`."""
        self._state.update(changes)
        partial = self.root / "state.partial"
        partial.write_text(json.dumps(self._state))
        partial.replace(self.root / "state.json")

    def use(self, index: int, pid: int, size: int) -> None:
        """Let a process have so many bytes of a GPU's memory until it ends."""
        partial = self.root / "use.partial"
        partial.write_text(f"{uuid(index)} {size}")
        partial.replace(self.root / "apps" / str(pid))

    def calls(self) -> list[str]:
        """Return the command lines that the tool was called with."""
        path = self.root / "calls"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def env(self) -> dict[str, str]:
        """Return the environment in which the tool is found, and no other one."""
        path = os.pathsep.join([str(self.bin), *_without_tools(os.environ.get("PATH", os.defpath))])
        return {"PATH": path, "FAKE_GPUS": str(self.root)}


def _without_tools(path: str) -> list[str]:
    tools = ("nvidia-smi", "rocm-smi")
    return [part for part in path.split(os.pathsep) if not any(Path(part, tool).exists() for tool in tools)]


@contextmanager
def stranger() -> Iterator[int]:
    """Run a process that is no job of anybody's; give its number."""
    code = "import time; time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as process:
        try:
            yield process.pid
        finally:
            process.kill()
