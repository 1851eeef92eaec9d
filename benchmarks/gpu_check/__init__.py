"""Everything that only a GPU can show, in a few minutes, each part beside its honest alternative."""
