"""What there is to do: which base model a job needs, the tasks of a run, what sharing saves."""
