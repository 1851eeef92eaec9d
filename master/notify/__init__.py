"""Tells people of a run away from its terminal: by the addresses that apprise knows, and by a command."""
