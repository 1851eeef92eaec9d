"""Models of tables: transformers, MLP, TabM, RealMLP and trees; seeds and folds trained side by side.

`data` brings files of rows to a `Dataset`, `models` are the networks, `training` trains members of one
of them, `trees` are the baselines, `evaluation` measures, `results` writes what is kept.
"""

from pathlib import Path

from trainers.common.versions import version_in

CODE_VERSION = version_in(Path(__file__).parent)
