"""One HTML file about an autoencoder: nothing is loaded from elsewhere, nothing of the data is run.

The page forbids itself everything but its own script and style, by their digests.  Figures and names are
escaped; texts of the data are compressed base64 until the script sets them as text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from trainers.sae.page.charts import Point, histogram, lines
from trainers.sae.page.packing import Packed
from trainers.sae.page.script import SCRIPT
from trainers.sae.page.style import STYLE

CURVES = {
    "Variance not explained": {"training": "train_fvu", "held out": "val_fvu"},
    "Loss": {"training": "loss", "held out": "val_loss"},
    "Active latents": {"training": "train_l0", "held out": "val_l0"},
    "Dead latents": {"in training": "dead_in_training", "held out": "val_dead_share"},
    "Learning rate": {"rate": "rate"},
}
SORTS = {
    "often": "most often active",
    "rare": "least often active",
    "mean": "mean strength",
    "most": "greatest strength",
    "alike": "most alike to another",
    "id": "number",
}


@dataclass(frozen=True)
class Subject:
    """What the page is about."""

    title: str
    figures: Mapping[str, Any]
    """Names and values that are shown above all."""
    records: Sequence[Mapping[str, Any]] = ()
    """Of the training, validation by validation."""
    density: Mapping[str, Sequence[float]] = field(default_factory=dict)
    features: Packed | None = None


def page_of(subject: Subject) -> str:
    """Return the page."""
    title = escape(_text(subject.title))
    body = [f"<h1>{title}</h1>", _figures(subject.figures), _charts(subject), _browser(subject.features)]
    head = [
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_policy()}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
    ]
    end = f"<script>{SCRIPT}</script>"
    start = ["<!DOCTYPE html>", '<html lang="en"><head>', *head, "</head><body>"]
    return "\n".join([*start, *body, end, "</body></html>\n"])


def _policy() -> str:
    """Allow the page its own script and style and nothing else; what data would add is not run."""
    script, style = (_digest(text) for text in (SCRIPT, STYLE))
    rules = ["default-src 'none'", f"script-src {script}", f"style-src {style}", "base-uri 'none'"]
    return "; ".join([*rules, "form-action 'none'"])


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _figures(figures: Mapping[str, Any]) -> str:
    shown = "".join(
        f"<div><dt>{escape(name)}</dt><dd><bdi>{escape(_text(value))}</bdi></dd></div>"
        for name, value in figures.items()
        if value is not None
    )
    return f"<dl>{shown}</dl>"


def _text(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return "".join(mark if mark.isprintable() else f"\u27e8{ord(mark):x}\u27e9" for mark in text)


def _charts(subject: Subject) -> str:
    drawn = [
        lines(title, {name: _points(subject.records, key) for name, key in keys.items()})
        for title, keys in CURVES.items()
    ]
    density = subject.density
    if density:
        title = "How often latents are active (log10)"
        drawn.append(histogram(title, density["log10_edges"], density["latents"]))
    return f'<h2>Training</h2><div class="charts">{"".join(drawn)}</div>'


def _points(records: Sequence[Mapping[str, Any]], key: str) -> list[Point]:
    pairs = ((record.get("step"), record.get(key)) for record in records)
    return [(step, value) for step, value in pairs if step is not None and value is not None]


def _browser(features: Packed | None) -> str:
    if features is None:
        return ""
    about = json.dumps({"latents": features.latents, "top": features.top, "near": features.near})
    options = "".join(f'<option value="{key}">{text}</option>' for key, text in SORTS.items())
    return f"""<h2>Features</h2>
<div class="tools"><input id="search" type="search" disabled placeholder="text, or the number of a latent"
 aria-label="search"><label>sorted by <select id="sort">{options}</select></label>
<label><input id="dead" type="checkbox"> dead ones too</label><span id="count" class="dim"></span></div>
<div class="browser"><div id="list" role="listbox" tabindex="0" aria-label="latents"><div class="head">
<span class="cell">latent</span><span class="cell">share</span><span class="cell">mean</span>
<span>its strongest example</span></div><div id="rows"></div></div><div id="detail"></div></div>
<script id="about" type="application/json">{about}</script>
<script id="numbers" type="text/plain">{features.numbers}</script>
<script id="texts" type="text/plain">{features.texts}</script>"""
