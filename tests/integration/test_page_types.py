"""The modules of the page hold what their comments promise of types."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.needs import missing
from tests.support.runs import ROOT

CONFIG = ROOT / "scripts" / "lib" / "typescript" / "tsconfig.json"
COMPILER = Path(sys.prefix, "typescript", "node_modules", "typescript", "lib", "tsc.js")


def node() -> str:
    """Return a node: the system's, else the one that drives the browser of other tests."""
    if found := shutil.which("node"):
        return found
    try:
        from playwright._impl._driver import compute_driver_executable
    except ImportError:
        missing("node is missing: apt-get install nodejs")
    return os.fspath(compute_driver_executable()[0])


def check(config: Path) -> subprocess.CompletedProcess[str]:
    if not COMPILER.exists():
        missing("typescript is not installed: scripts/install-test-tools")
    return subprocess.run(
        [node(), str(COMPILER), "-p", str(config)], capture_output=True, text=True, timeout=120
    )


def test_the_modules_of_the_page_are_well_typed() -> None:
    checked = check(CONFIG)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_a_mistake_is_found(tmp_path: Path) -> None:
    modules = ROOT / "master" / "web" / "static"
    for path in modules.glob("*.js"):
        shutil.copy(path, tmp_path)
    (tmp_path / "mistake.js").write_text('import { span } from "./dom.js";\nspan("no number");\n')
    config = CONFIG.read_text().replace("../../../master/web/static/*.js", "mistake.js")
    (tmp_path / "tsconfig.json").write_text(config)
    checked = check(tmp_path / "tsconfig.json")
    assert checked.returncode != 0 and "mistake.js(2,6)" in checked.stdout
