"""The head node: reads what the user wants, runs it on the workers, brings everything home."""
