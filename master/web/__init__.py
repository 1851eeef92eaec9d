"""The page: a process of its own beside the master, which reads a run and gives orders over its socket."""
