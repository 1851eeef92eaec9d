"""Logs while their attempts run, and after: what is kept of them, and the messages that show them."""
