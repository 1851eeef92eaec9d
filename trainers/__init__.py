"""Training scripts that follow the script contract; each subpackage runs as `python -m trainers.<name>`."""
