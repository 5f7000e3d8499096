"""`python -m server_rx`: serve with the settings of the environment until told to stop."""

import logging
import sys

from radiosem.errors import RadiosemError
from server_rx.app import create_server
from server_rx.settings import read_settings


def main() -> int:
    """Exit code 0 after an orderly end, 1 with one clear line when the receiver cannot start."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        server = create_server(read_settings())
        server.start()
    except RadiosemError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    server.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
