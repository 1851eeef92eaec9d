"""`twophase web`: a page that shows a run, live while it goes on, and steers it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from master.commands.frame import Command
from master.commands.options.flag_types import bounded
from master.commands.options.run_two_phase import WEB_PORT as PORT
from master.errors import UsageError
from master.verbs.common.options import EXIT_CODES, reading_parser

NAME = "web"
_DESCRIPTION = """\
Serve a page that shows a run: what failed and what needs you, all jobs with why they have not ended, logs,
base models, machines and results.  While a master works it can act too (cancel); without one it only shows.
It serves this machine alone, and those who know the address that it prints.  It needs no network."""
_EPILOG = f"""\
{EXIT_CODES}

examples:
  twophase web
  twophase web --run ~/searches/7 --port 0
  twophase web --data-root ~/activations
  twophase web --web-host lab.example.org --tls-cert cert.pem --tls-key key.pem

Ctrl-C ends the page, not the run."""


def main(words: Sequence[str]) -> int:
    """Serve the page and return the exit code."""
    command = Command(f"twophase {NAME}")
    return command.run(lambda: _serve(parser().parse_args(words), command))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = reading_parser(NAME, _DESCRIPTION, _EPILOG)
    add = result.add_argument
    port = bounded(int, 0, 65535, "port (0 to 65535)")
    add("--port", type=port, default=PORT, metavar="N", help=f"on this port; 0: any free one ({PORT})")
    add("--read-only", action="store_true", help="print a link whose visitors can only look")
    add("--web-host", default="", metavar="NAME", help="serve others too, by this name; needs the TLS files")
    add("--tls-cert", type=Path, metavar="F", help="certificate for --web-host")
    add("--tls-key", type=Path, metavar="F", help="its private key")
    below = "take jobs of scripts below this folder by POST /api/jobs; again and again (of trainers alone)"
    add("--scripts", type=Path, action="append", default=[], metavar="DIR", help=below)
    roots = "let trainings asked for over HTTP use activations in files below DIR; may be given again"
    add("--data-root", type=Path, action="append", default=[], metavar="DIR", help=roots)
    add("--until-input-ends", action="store_true", help=argparse.SUPPRESS)
    return result


def _serve(options: argparse.Namespace, command: Command) -> int:
    has_tls = options.tls_cert is not None and options.tls_key is not None
    if bool(options.web_host) != has_tls:
        raise UsageError("--web-host, --tls-cert and --tls-key go together: others are served over TLS alone")
    try:
        from master.web.serving import Place, Server, check_tls, listening
    except ImportError as error:
        missing = "the page needs fastapi, prometheus_client, uvicorn and websockets"
        raise UsageError(f"{missing} ({error.name} is missing): pip install 'twophase[web]'") from error
    from master.verbs.common.run_directory import layout_of
    from master.web.passes import TOKENS, Role, passes_of
    from master.web.run_watch import RunWatch

    for root in options.data_root:
        if not root.expanduser().is_dir():
            raise UsageError(f"--data-root {root}: there is no such folder")
    layout = layout_of(options.run)
    listener = listening(options.web_host, options.port)
    with listener, closing(RunWatch(layout)) as watch:
        place = Place(listener.getsockname()[1], options.web_host, options.tls_cert, options.tls_key)
        check_tls(place)
        passes = passes_of(layout.state / TOKENS)
        server = Server(watch, passes, place, options.scripts, options.data_root)
        role = Role.VIEWER if options.read_only else Role.USER
        told = {"url": place.url(passes, role), "ssh": place.tunnel, "read_only": options.read_only}
        print(json.dumps(told) if options.json else "\n".join(_lines(told)), flush=True)
        if options.until_input_ends:
            server.stop_with_input()
        server.run(listener)
    return 0


def _lines(told: dict[str, object]) -> list[str]:
    only = " (visitors can only look)" if told["read_only"] else ""
    return [
        f"the page{only}: {told['url']}",
        f"from another machine, first: {told['ssh']}",
        "whoever has the address sees this run; Ctrl-C ends the page, not the run",
    ]
