"""Reads what a user's program takes: which library declares its flags, and what they are."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Callable, Iterator, Sequence

from master.code.declarations.argparse_calls import declarations
from master.code.declarations.found import Found
from master.code.declarations.of_argparse import argparse_flags
from master.code.declarations.of_click import click_flags, commands
from master.code.declarations.of_typer import typer_flags
from master.code.declarations.reached import reached
from master.code.declarations.text import called, calls, constant, imported_from, keywords, last_name, parsed
from master.code.import_closure import closure_of
from master.code.needed_modules import program_file
from master.code.sources import Sources
from master.core.flags.declared import ScriptFlags, Style

Trees = Sequence[ast.Module]
_OTHERS = {
    **{"jsonargparse": Style.JOINED, "fire": Style.JOINED, "absl": Style.JOINED},
    **dict.fromkeys(("tyro", "simple_parsing", "docopt", "configargparse", "sacred"), Style.SEPARATE),
}
"""Libraries that make flags of what only running the program would tell."""


def read_flags(sources: Sources) -> ScriptFlags:
    """Return what the program of these sources takes, as far as its text tells."""
    names = {path.as_posix() for path in sources.files}
    entry = program_file(sources.argv, names)
    if entry is None:
        shown = str(sources.entry or "the program")
        return ScriptFlags(shown, open="it is no Python file")

    def read(name: str) -> str:
        return importlib.util.decode_source((sources.root / name).read_bytes())

    files = closure_of(entry, names, read).files
    others = sorted(name for name in files if name.endswith(".py") and name != entry)
    return flags_in(entry, list(_trees([entry, *others], read)))


def _trees(names: Sequence[str], read: Callable[[str], str]) -> Iterator[ast.Module]:
    for name in names:
        try:
            yield parsed(read(name))
        except (SyntaxError, ValueError, RecursionError, OSError):
            yield ast.Module([], [])


def flags_in(script: str, trees: Trees) -> ScriptFlags:
    """Return what a program takes whose files are these, the one that is started first."""
    everything = reached(trees)
    for part in (trees[:1], everything):
        if found := _made_as_it_runs(part):
            maker, style = found
            why = f"{maker} makes its flags as it runs"
            return ScriptFlags(script, open=why, style=style, words=_subcommand(part))
        if declared := _declared(part, everything):
            return ScriptFlags(script, declared.by_name(), "; ".join(declared.doubts))
        if used := sorted(imported_from(part) & _OTHERS.keys()):
            return ScriptFlags(script, open=f"{used[0]} makes its flags as it runs", style=_OTHERS[used[0]])
    return ScriptFlags(script, open="no declaration of flags was found in it")


def _made_as_it_runs(trees: Trees) -> tuple[str, Style] | None:
    """Return which library that is plain to see makes flags of what it reads, and their style."""
    names = {called(call) for call in calls(trees)}
    if any(last_name(call.func) == "main" and _of(call) == "hydra" for call in calls(trees)):
        return "Hydra", Style.BARE
    if any(name.endswith("LightningCLI") for name in names):
        return "LightningCLI", Style.JOINED
    if "HfArgumentParser" in names:
        return "HfArgumentParser", Style.SEPARATE
    return ("jsonargparse", Style.JOINED) if "jsonargparse" in imported_from(trees) else None


def _of(call: ast.Call) -> str:
    return last_name(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def _subcommand(trees: Trees) -> tuple[str, ...]:
    """Return the word that LightningCLI wants first, unless it is told to start nothing."""
    made = [call for call in calls(trees) if called(call).endswith("LightningCLI")]
    return ("fit",) if made and constant(keywords(made[0]).get("run"), without=True) is not False else ()


def _declared(trees: Trees, all_trees: Trees) -> Found | None:
    imports, names = imported_from(trees), {called(call) for call in calls(trees)}
    if "typer" in imports and names & {"run", "Typer"}:
        found = typer_flags(trees)
        return found if found.flags else typer_flags(all_trees)
    if "click" in imports and commands(trees):
        clicked = click_flags(trees)
        return clicked if not clicked.doubts else click_flags(all_trees)
    if "ArgumentParser" not in names and not any(declarations(trees)):
        return None
    found = argparse_flags(trees)
    return found if found.flags and not found.doubts else argparse_flags(all_trees)
