"""The page beside a run: started with it, told to its user, and ended when the master ends."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_PROGRAM = Path(__file__).resolve().parents[2] / "twophase.py"
_LAST_WORDS_S = 10.0
_MOST_SAID = 500
Start = Callable[[Sequence[str]], "subprocess.Popen[str]"]


def started(words: Sequence[str]) -> subprocess.Popen[str]:
    """Start the page.  Its input is ours: when we are gone it ends, so Ctrl-C is not for it."""
    argv = [sys.executable, str(_PROGRAM), "web", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


@contextmanager
def page_beside(
    run_dir: Path,
    port: int | None,
    say: Callable[[str], None],
    start: Start = started,
    scripts: Sequence[Path] = (),
    roots: Sequence[Path] = (),
) -> Iterator[None]:
    """Serve the page of a run for as long as this lasts; `port` None serves none.

    Visitors may add jobs of `scripts` below these folders; trainings find their activations below `roots`.
    A page that cannot be served is told, and the run goes on without.
    """
    if port is None:
        yield
        return
    page = start(
        [
            *("--run", str(run_dir), "--port", str(port), "--json", "--until-input-ends"),
            *(word for folder in scripts for word in ("--scripts", str(folder))),
            *(word for root in roots for word in ("--data-root", str(root))),
        ]
    )
    telling = threading.Thread(target=_tell, args=(page, say), name="page", daemon=True)
    telling.start()
    try:
        yield
    finally:
        _end(page)
        telling.join(_LAST_WORDS_S)


def _tell(page: subprocess.Popen[str], say: Callable[[str], None]) -> None:
    assert page.stdout is not None and page.stderr is not None
    line = page.stdout.readline()
    if line:
        told = json.loads(line)
        say(f"the page: {told['url']}  (from another machine, first: {told['ssh']})")
    else:
        said = page.stderr.read(_MOST_SAID).strip()
        say(f"no page is served, the run goes on without: {said or 'it ended at once'}")


def _end(page: subprocess.Popen[str]) -> None:
    with suppress(OSError):
        if page.stdin is not None:
            page.stdin.close()
    try:
        page.wait(_LAST_WORDS_S)
    except subprocess.TimeoutExpired:
        page.kill()
        page.wait()
    for stream in (page.stdout, page.stderr):
        if stream is not None:
            stream.close()
