"""`python -m twophase sae` is the command `train_sae`."""

import sys

from trainers.sae.cli import main

if __name__ == "__main__":
    sys.exit(main())
