"""`worker_agent environment`: what jobs would start from on this machine, and what they would not find."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass, field
from typing import List

from worker_agent.core.settings_check import check_settings
from worker_agent.environment.job_base import job_base
from worker_agent.environment.missing import check_work_dir, checked, missing_of
from worker_agent.environment.setup_script import SetupError
from worker_agent.protocol.codec import MessageError, parse
from worker_agent.protocol.messages import Settings


@dataclass
class Report:
    """What jobs would start from; never the values of variables."""

    python: str = ""
    problem: str = ""
    missing: List[str] = field(default_factory=list)


def run(args: argparse.Namespace) -> int:
    """Print the report as JSON; return 1 where `setup` fails or jobs could not start."""
    report = Report()
    try:
        settings = parse(Settings, json.loads(sys.stdin.readline()))
        check_settings(settings)
        check_work_dir(settings)
        base = checked(job_base(settings, os.environ), settings)
        report.python = base.python
        report.missing = missing_of(base, settings)
    except (SetupError, MessageError, ValueError) as error:
        report.problem = str(error)
    print("\n" + json.dumps(asdict(report)))
    return 1 if report.problem else 0
