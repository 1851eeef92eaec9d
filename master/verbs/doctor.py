"""`twophase doctor`: what is wrong with each worker, and the command that cures it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from master.commands.frame import Command
from master.commands.options.parser import new_parser
from master.verbs.common.clusters import add_cluster_option, cluster_of

if TYPE_CHECKING:
    from master.core.explaining.health import Finding
    from master.runs.doctor.diagnosis import Diagnosis

NAME = "doctor"
BROKEN = 1
_MARKS = {"good": "ok", "doubtful": "??", "broken": "!!"}
_DESCRIPTION = """\
Look at every worker of a cluster config, eight at a time: key and host key, Python, rsync, disks, clock,
GPUs, what jobs need, whether jobs outlive a logout, what its sshd allows.  Tells what is wrong and the
command that cures it.  Changes nothing on them; `setup` of the config is run, as a run would."""
_EPILOG = """\
exit codes:
  0 every worker can be used    1 one cannot    2 wrong words    3 the cluster config is wrong

examples:
  twophase doctor
  twophase doctor --cluster-config lab.json --json | jq -r '.workers[] | select(.health != "good")'"""


def main(words: Sequence[str]) -> int:
    """Look at the workers and return the exit code."""
    return Command(f"twophase {NAME}").run(lambda: _look(parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    add = result.add_argument
    add_cluster_option(result)
    add("--notify", action="store_true", help="send a test message to those whom the config's `notify` names")
    add("--json", action="store_true", help="one JSON object (docs/verbs.schema.json)")
    return result


def _look(options: argparse.Namespace) -> int:
    from master.core.explaining.health import Health
    from master.errors import UsageError
    from master.notify.checking import findings_of
    from master.runs.doctor.diagnosis import diagnose

    cluster, config = cluster_of(options)
    if options.notify and cluster.notify is None:
        raise UsageError(f"--notify: {config or 'no cluster config'} names nobody: see docs/notify.md")
    found = diagnose(cluster)
    told = findings_of(cluster, str(config), test=options.notify)
    if options.json:
        workers = [as_json(each) for each in found]
        print(json.dumps({"workers": workers, "notify": findings_json(told)}, indent=1))
    else:
        print("\n".join(line for each in found for line in lines(each)))
        if told:
            print("\n".join(of_place("notify", told)))
    every = [*(each.health for each in found), *(each.health for each in told)]
    return BROKEN if Health.BROKEN in every else 0


def as_json(found: Diagnosis) -> dict[str, Any]:
    """Return what was found on a worker, ready for JSON."""
    return {"worker": found.worker, "health": found.health.value, "findings": findings_json(found.findings)}


def findings_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings, ready for JSON."""
    return [
        {"what": each.what, "health": each.health.value, "says": each.says, "cure": each.cure or None}
        for each in findings
    ]


def lines(found: Diagnosis) -> Iterator[str]:
    """Yield what the terminal shows of a worker: its name, then each finding with its cure."""
    return of_place(found.worker, found.findings)


def of_place(name: str, findings: Iterable[Finding]) -> Iterator[str]:
    """Yield a name, then each finding with its cure."""
    yield name
    for each in findings:
        yield from _of_finding(each)


def _of_finding(found: Finding) -> Iterator[str]:
    from master.core.harmless import clean

    yield f"  {_MARKS[found.health.value]}  {found.what:<11}  {clean(found.says)}"
    if found.cure:
        yield f"      {'':<11}  {clean(found.cure)}"
