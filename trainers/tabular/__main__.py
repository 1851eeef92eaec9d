"""`python -m twophase tabular` is the command `train_tabular`."""

import sys

from trainers.tabular.cli import main

if __name__ == "__main__":
    sys.exit(main())
