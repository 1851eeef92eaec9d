"""Jobs that users add to a run while it goes on, and the programs that they bring."""
