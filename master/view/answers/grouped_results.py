"""Groups of results as a table, Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from master.core.harmless import clean
from master.core.planning.value_texts import value_text
from master.core.results.comparison import Paired
from master.core.results.lines import Question, ResultLine
from master.core.results.statistics import Summary
from master.view.tables import new_table
from master.view.wording import figure

_FIGURES = ("mean", "half_width", "lowest", "highest", "count", "missing")


def table(lines: Sequence[ResultLine], question: Question) -> Table:
    """Return what the terminal shows: mean ± half the interval, and how many are missing."""
    names = parameters(lines)
    result = new_table("Results", *names, *(f">{name}" for name in headings(lines, question)))
    for line in lines:
        result.add_row(*_cells(line, names, question, any_against(lines)))
    return result


def markdown(lines: Sequence[ResultLine], question: Question) -> str:
    """Return the same as a table in Markdown."""
    names, heads = parameters(lines), headings(lines, question)
    rows = [[*names, *heads], ["---"] * len(names) + ["---:"] * len(heads)]
    rows += [_cells(line, names, question, any_against(lines)) for line in lines]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows)


def csv_text(lines: Sequence[ResultLine], question: Question) -> str:
    """Return one row a group with all figures in columns of their own, unrounded."""
    text = io.StringIO()
    records = list(flat(lines, question))
    writer = csv.DictWriter(text, list(records[0]) if records else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def flat(lines: Sequence[ResultLine], question: Question) -> Iterator[dict[str, Any]]:
    """Yield each group as one flat record; a parameter that a group does not have is empty."""
    names = parameters(lines)
    for line in lines:
        own: dict[str, Any] = {
            name: value_text(line.group.parameters[name]) if name in line.group.parameters else ""
            for name in names
        }
        for metric in question.metrics:
            found = figures(line.summaries[metric], line.missing[metric])
            own |= {f"{metric}.{name}": found[name] for name in _FIGURES}
        if any_against(lines):
            own |= {f"difference.{key}": value for key, value in difference(line.against).items()}
        yield own


def as_json(lines: Sequence[ResultLine], question: Question) -> dict[str, Any]:
    """Return all groups, ready for JSON."""
    return {
        "by": question.by,
        "ascending": question.ascending,
        "over": list(question.over),
        "groups": [_group(line, question) for line in lines],
    }


def _group(line: ResultLine, question: Question) -> dict[str, Any]:
    return {
        "parameters": dict(line.group.parameters),
        "jobs": [row.job_id for row in line.group.rows],
        "absent": [dict(zip(each.names, each.values, strict=True)) for each in line.group.absent],
        "metrics": {name: figures(line.summaries[name], line.missing[name]) for name in question.metrics},
        "difference": difference(line.against) if line.against else None,
    }


def figures(found: Summary | None, missing: int) -> dict[str, float | int | None]:
    """Return a summary by the names of its figures; None where there are none."""
    if found is None:
        return {**dict.fromkeys(_FIGURES), "count": 0, "missing": missing}
    return {**{name: getattr(found, name) for name in _FIGURES[:-1]}, "missing": missing}


def difference(against: Paired | None) -> dict[str, float | int | None]:
    """Return a difference to the baseline by the names of its figures."""
    found = against.difference if against else None
    return {
        "mean": found.mean if found else None,
        "half_width": found.half_width if found else None,
        "count": found.count if found else 0,
        "unpaired": against.unpaired if against else 0,
    }


def parameters(lines: Sequence[ResultLine]) -> list[str]:
    """Return the names of the parameters that tell the groups apart."""
    return list(dict.fromkeys(name for line in lines for name in line.group.parameters))


def headings(lines: Sequence[ResultLine], question: Question) -> list[str]:
    """Return the headings of the columns of figures."""
    against = ["difference", "shared"] if any_against(lines) else []
    return [*question.metrics, "n", *against]


def any_against(lines: Sequence[ResultLine]) -> bool:
    """True where the groups are compared with a baseline."""
    return any(line.against for line in lines)


def _cells(line: ResultLine, names: Sequence[str], question: Question, against: bool) -> list[str]:
    own = line.group.parameters
    return [
        *(clean(value_text(own[name])) if name in own else "" for name in names),
        *(_mean(line.summaries[metric]) for metric in question.metrics),
        _count(line, question.by),
        *(_against(line.against) if against else ()),
    ]


def _mean(found: Summary | None) -> str:
    if found is None:
        return "–"
    return figure(found.mean) + (f" ± {figure(found.half_width)}" if found.half_width is not None else "")


def _count(line: ResultLine, metric: str) -> str:
    """Return over how many jobs the mean is, and how many are missing."""
    found = line.summaries.get(metric)
    missing = line.missing.get(metric, 0)
    return f"{found.count if found else 0}" + (f", {missing} missing" if missing else "")


def _against(found: Paired | None) -> tuple[str, str]:
    if found is None:
        return "baseline", ""
    unpaired = f", {found.unpaired} unpaired" if found.unpaired else ""
    return _mean(found.difference), f"{found.difference.count if found.difference else 0}{unpaired}"
