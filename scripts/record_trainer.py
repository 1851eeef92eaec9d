"""Record what a change to a trainer's sources means for base models that are already trained.

    python -m scripts.record_trainer --same-results            a comment, a message, the same in less time
    python -m scripts.record_trainer --raise-version probes    other weights: base models are trained anew

Without names it is about every trainer whose sources have changed.  A test fails until this is done.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from master.code.trainer_manifest import (
    MANIFEST,
    TRAINERS,
    TrainerManifest,
    find_trainer_manifest,
    sources_digest,
    trainer_names,
)
from master.errors import TwophaseError


def main(argv: Sequence[str] | None = None, trainers: Path = TRAINERS) -> int:
    """Write digests, and raised versions, into the manifests; return the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        manifests = [
            find_trainer_manifest(name, trainers) for name in arguments.names or trainer_names(trainers)
        ]
    except TwophaseError as error:
        print(f"record_trainer: {error}", file=sys.stderr)
        return error.exit_code
    changed = [manifest for manifest in manifests if sources_digest(manifest) != manifest.sources]
    for manifest in changed:
        print(f"{manifest.name}: {record(manifest, raises_version=arguments.raise_version)}")
    if not changed:
        print("nothing to record: the sources are those of the manifests")
    return 0


def record(manifest: TrainerManifest, *, raises_version: bool) -> str:
    """Write the digest of a trainer's sources into its manifest, by choice with a version one higher.

    Return what was recorded, as a sentence without its subject.
    """
    path = manifest.folder / MANIFEST
    content = json.loads(path.read_text(encoding="utf-8"))
    content["sources"] = sources_digest(manifest)
    told = f"same results, still version {manifest.version}"
    if raises_version:
        content["version"] = str(int(manifest.version) + 1)
        told = f"other results, now version {content['version']}: base models are trained anew"
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return told


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m scripts.record_trainer", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--same-results", action="store_true", help="equal flags and data give equal results")
    choice.add_argument("--raise-version", action="store_true", help="they do not")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of trainers")
    return parser


if __name__ == "__main__":
    sys.exit(main())
