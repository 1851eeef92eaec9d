"""`python -m tests.e2e.image` builds the images ahead of the tests."""

import sys

from tests.e2e.image import connect_engine, slurm_image
from tests.support.needs import UnavailableError


def main() -> int:
    """Build the images; return the exit code."""
    try:
        with connect_engine() as client:
            slurm_image(client)
    except UnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
