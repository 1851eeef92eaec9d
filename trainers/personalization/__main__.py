"""Entry of the trainer as jobs start it."""

import sys

import trainers.personalization.job  # noqa: F401  processes that are kept warm import what is named here
from trainers.personalization.cli import main

if __name__ == "__main__":
    sys.exit(main())
