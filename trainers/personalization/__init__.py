"""Train a model on many people, then fit it to one: `python -m twophase personalization --help`.

`docs/personalization.md` describes the flags, the data and the files.
"""

from pathlib import Path

from trainers.common.versions import version_in

CODE_VERSION = version_in(Path(__file__).parent)
"""Part of a base model's identity: the manifest's."""
