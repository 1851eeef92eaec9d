"""`twophase results`: the parameters of a run's jobs joined with their metrics, in groups over seeds."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from master.commands.frame import Command
from master.core.results.groups import OVER
from master.errors import UsageError
from master.verbs.common.options import named, reading_parser

if TYPE_CHECKING:
    from master.core.results.groups import Row
    from master.core.results.lines import Question, ResultLine

NAME = "results"
FORMATS = ("table", "csv", "markdown", "html", "parquet")
FORMAT_OF = {".txt": "table", ".csv": "csv", ".md": "markdown", ".html": "html", ".parquet": "parquet"}
"""By the end of a file's name."""
SOURCES = ("json", "csv", "tensorboard")
UNREAD = 1
"""The exit code where figures of a job could not be read; the others are shown."""
_MOST_PROBLEMS = 5
_NOTHING = "none"
_DESCRIPTION = """\
Join the parameters of a run's jobs with the metrics that they left.  Jobs that differ in nothing but the
seed and the fold are one line: mean ± half of Student's 95 % interval, over how many, and how many are
missing.  The best is the first line.  Metrics are the numbers of metrics.json, else of CSV logs such as
Lightning's, else of TensorBoard's event files.  No master is needed."""
_EPILOG = """\
A metric whose name says loss or error is best where it is least; --least and --greatest say it.
Of what was logged again and again there are the last value and, as best_NAME, the best.

exit codes:
  0 done    1 the figures of some jobs could not be read, which are told; the others are shown
  2 wrong words, or no such run, job or field    3 the journal cannot be read

examples:
  twophase results
  twophase results --by val_f1 --where model=large --baseline lr=1e-3
  twophase results --over none --output all.csv"""


def main(words: Sequence[str]) -> int:
    """Show the results and return the exit code."""
    command = Command(f"twophase {NAME}")
    return command.run(lambda: _show(parser().parse_args(words), command))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = reading_parser(NAME, _DESCRIPTION, _EPILOG)
    add = result.add_argument
    add("--metrics", type=_names, default=(), metavar="M,…", help="these metrics (all)")
    add("--by", default="", metavar="M", help="in order of this metric (the first)")
    order = result.add_mutually_exclusive_group()
    order.add_argument("--least", dest="ascending", action="store_true", default=None, help="the least first")
    order.add_argument("--greatest", dest="ascending", action="store_false", help="the greatest first")
    over = f"average over these fields; {_NOTHING}: a line for each job (seed,fold)"
    add("--over", type=_names, default=OVER, metavar="F,…", help=over)
    add(
        "--where",
        type=named,
        action="append",
        default=[],
        metavar="F=V",
        help="jobs whose field has this value",
    )
    baseline = "compare with the line that has these values, seed by seed"
    add("--baseline", type=named, action="append", default=[], metavar="F=V", help=baseline)
    source = "read metrics from these files alone (metrics.json, else CSV logs, else event files)"
    add("--source", choices=SOURCES, default="", help=source)
    add("--format", choices=FORMATS, help="how it is written (by the end of --output's name, else table)")
    add("--output", type=Path, metavar="FILE", help="write there, and not to standard output")
    return result


def _names(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    return () if names == (_NOTHING,) else names


def _format_of(options: argparse.Namespace) -> str:
    """Return the format that is asked for, or that the name of the file says; UsageError for other names."""
    if options.format or options.output is None:
        return options.format or "table"
    found = FORMAT_OF.get(options.output.suffix.lower())
    if found is None:
        known = ", ".join(FORMAT_OF)
        raise UsageError(f"--output {options.output}: its name ends in none of {known}: say --format")
    return found


def _show(options: argparse.Namespace, command: Command) -> int:
    options.format = _format_of(options)
    from master.core.results.lines import result_lines
    from master.view.wording import first_of

    unread: dict[str, list[str]] = {}
    rows = _rows(options, unread)
    question = _question(options, rows)
    if not question.metrics and not unread:
        command.say("no job has metrics yet: a script leaves them as metrics.json in its output directory")
    try:
        lines = result_lines(rows, question)
    except LookupError as error:
        raise UsageError(f"--baseline: {error.args[0]}") from error
    data = _written(options, lines, question)
    if options.output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        _write(options.output, data)
    for problem, jobs in list(unread.items())[:_MOST_PROBLEMS]:
        command.say(f"{first_of(jobs)}: {problem}")
    return UNREAD if unread else 0


def _rows(options: argparse.Namespace, unread: dict[str, list[str]]) -> list[Row]:
    """Return the experiments that are asked for; raises UsageError where there are none.

    `unread` gets by reason the jobs whose figures could not be read.
    """
    from master.core.planning.plan import makes_base_model
    from master.storage.journal_snapshot import open_snapshot
    from master.verbs.common.run_directory import jobs_of, layout_of
    from master.verbs.common.selection import Wish, select
    from master.view.answers.result_rows import row_of

    layout = layout_of(options.run)
    with open_snapshot(layout.journal) as snapshot:
        run, fields = jobs_of(snapshot), snapshot.fields()
        found = select(run, fields, Wish(where=options.where), 0.0)
        jobs = [
            (item.job.job_id, item.standing.state) for item in found if not makes_base_model(item.job.job_id)
        ]
    if not jobs:
        raise UsageError("no experiment is like that: `twophase ps` lists what there is")

    def told(job_id: str, problem: str) -> None:
        unread.setdefault(problem, []).append(job_id)

    return [row_of(layout, job_id, state, fields.get(job_id), options.source, told) for job_id, state in jobs]


def _question(options: argparse.Namespace, rows: Sequence[Row]) -> Question:
    from dataclasses import replace

    from master.core.nearest import hint, shown
    from master.core.results.lines import ask

    known = {name for row in rows for name in row.metrics}
    for option, names in (("--metrics", options.metrics), ("--by", (options.by,) if options.by else ())):
        for name in names:
            if name not in known:
                raise UsageError(f"{option}: no job left a metric {shown(name)}: {hint(name, known)}")
    fields = {name for row in rows for name in row.parameters}
    for name in options.over if options.over != OVER else ():
        if name not in fields:
            raise UsageError(f"--over: no job has the field {shown(name)}: {hint(name, fields)}")
    question = ask(rows, options.metrics, options.by, options.ascending)
    return replace(question, over=options.over, baseline=dict(options.baseline) or None)


def _written(options: argparse.Namespace, lines: Sequence[ResultLine], question: Question) -> bytes:
    from master.view.answers import grouped_results as answers

    if options.json:
        return f"{json.dumps(answers.as_json(lines, question), indent=1)}\n".encode()
    if options.format == "parquet":
        return _parquet(list(answers.flat(lines, question)), options.output)
    texts: Mapping[str, Callable[[], str]] = {
        "table": lambda: _table(answers.rows(lines, question)),
        "csv": lambda: answers.csv_text(lines, question),
        "markdown": lambda: answers.markdown(lines, question),
        "html": lambda: answers.html_page(lines, question),
    }
    return texts[options.format]().encode("utf-8", "backslashreplace")


def _table(rows: list[list[str]]) -> str:
    from master.verbs.common.columns import aligned

    return "".join(f"{line}\n" for line in aligned(rows))


def _parquet(records: list[dict[str, Any]], output: Path | None) -> bytes:
    if output is None:
        raise UsageError("--format parquet: give --output FILE")
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError("--format parquet needs pyarrow: pip install 'twophase[parquet]'") from error
    records = _of_one_type(records)
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), sink)
    return bytes(sink.getvalue())


def _of_one_type(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records with a column as text where its values are of several types, or too large."""
    names = list(records[0]) if records else []
    mixed = {name for name in names if not _is_plain([record[name] for record in records])}
    return [
        {name: json.dumps(v) if name in mixed and v is not None else v for name, v in record.items()}
        for record in records
    ]


def _is_plain(values: Sequence[Any]) -> bool:
    kinds = {type(v) if isinstance(v, (bool, str)) else float for v in values if v is not None}
    return len(kinds) < 2 and all(not isinstance(v, int) or abs(v) < 1 << 63 for v in values)


def _write(path: Path, data: bytes) -> None:
    from worker_agent.protocol.whole_files import write_whole

    try:
        write_whole(path, data)
    except OSError as error:
        raise UsageError(f"--output {path}: {error.strerror}; give a file that can be written") from error
