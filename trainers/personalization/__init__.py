"""Train a model on many people, then fit it to one: `python -m trainers.personalization --help`.

`docs/personalization.md` describes the flags, the data and the files.
"""

CODE_VERSION = "2"
"""Raised whenever the same flags and data give another base model; part of a base model's identity.

Read as text by the head node, which has no torch: keep it a plain literal.
"""
