"""A trainer that does nothing, by the check-list: one folder, one manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MANIFEST: dict[str, Any] = {
    "description": "does nothing",
    "version": "1",
    "sources": "",
    "executors": ["process", "warm", "inline"],
}
MAIN = '''"""Take any learning rate and write what it was."""

import argparse
import sys

from worker_agent.protocol.script_contract import ScriptContract


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr")
    parser.add_argument("--mode")
    parser.add_argument("--prefix")
    parser.add_argument("--epochs")
    arguments = parser.parse_args(argv)
    contract = ScriptContract.from_environ()
    if contract is not None:
        folder = contract.base_model_dir if contract.phase == 1 else contract.output_dir
        (folder / "lr.txt").write_text(f"{arguments.lr} from {__file__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
'''


def write_trainer(trainers: Path, name: str, /, **keys: Any) -> Path:
    """Write a trainer into the folder of all trainers and return its own; `keys` are for its manifest."""
    folder = trainers / name
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('"""Does nothing."""\n')
    (folder / "__main__.py").write_text(MAIN)
    (folder / "manifest.json").write_text(json.dumps({"name": name, **MANIFEST, **keys}))
    return folder
