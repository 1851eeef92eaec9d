"""`python -m tests.e2e.image` builds the workers' image ahead of the tests."""

import sys

from tests.e2e.image import connect_engine, worker_image
from tests.support.needs import UnavailableError


def main() -> int:
    """Build the image; return the exit code."""
    try:
        with connect_engine() as client:
            worker_image(client)
    except UnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
