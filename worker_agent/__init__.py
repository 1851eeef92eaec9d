"""The part of Twophase that runs on a worker.  Standard library only, Python 3.8 or newer."""

__version__ = "0.1.0"
