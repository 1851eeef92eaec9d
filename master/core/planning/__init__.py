"""What there is to do: which base model a job needs, the jobs of a run, what sharing saves."""
