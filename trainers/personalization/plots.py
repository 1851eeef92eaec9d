"""Curves over epochs as PNG files."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from trainers.common.files import write_bytes
from trainers.personalization import files


def write_plots(
    folder: Path,
    curves: Mapping[str, Sequence[float]],
    title: str,
    f1_lines: Mapping[str, float],
    warned: TextIO | None = None,
) -> None:
    """Write the loss and the F1 plot of base and target training, one after the other along the epochs.

    `curves` is the content of `losses.json`, `f1_lines` what else to compare F1 with, by name.
    Says so on `warned` (stderr) and writes nothing where matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        print("no plots: matplotlib is not installed here", file=warned or sys.stderr)
        return
    write_bytes(folder / files.LOSS_PLOT, _png(curves, "loss", f"{title}: cross-entropy", {}))
    write_bytes(folder / files.F1_PLOT, _png(curves, "f1", f"{title}: F1", f1_lines))


def _png(
    curves: Mapping[str, Sequence[float]], quantity: str, title: str, lines: Mapping[str, float]
) -> bytes:
    # Figure with its own canvas: pyplot would start a window system and costs more time to import.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(title=title, xlabel="epoch", ylabel=quantity)
    n_base = len(curves[f"base_val_{quantity}"])
    for stage, start in (("base", 0), ("target", n_base)):
        _draw_stage(axes, curves, stage, start, quantity)
    if n_base and curves[f"target_val_{quantity}"]:
        axes.axvline(n_base + 0.5, color="grey", linestyle=":", label="transition")
    for style, (name, value) in zip(("--", ":"), lines.items(), strict=False):
        axes.axhline(value, color="black", linestyle=style, label=f"{name.replace('_', ' ')}, test")
    axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def _draw_stage(
    axes: Any, curves: Mapping[str, Sequence[float]], stage: str, start: int, quantity: str
) -> None:
    for split, style in (("train", "--"), ("val", "-")):
        values = curves[f"{stage}_{split}_{quantity}"]
        if values:
            epochs = range(start + 1, start + 1 + len(values))
            colour = "tab:blue" if stage == "base" else "tab:orange"
            axes.plot(epochs, values, style, color=colour, label=f"{stage} {split}")
