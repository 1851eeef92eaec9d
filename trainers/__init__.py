"""Training scripts by the script contract, each a folder with a manifest: `python -m twophase NAME`."""
