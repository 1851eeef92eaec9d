"""The verbs, in one table: help, completion and the dispatcher read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """A verb; `module` has `main(words) -> exit code` and `parser()`."""

    name: str
    about: str
    """In a line of the help."""
    room: str = ""
    """The folder of its module, where it has one."""

    @property
    def module(self) -> str:
        """The module that knows the verb's words."""
        return ".".join(filter(None, ("master.verbs", self.room, self.name.replace("-", "_"))))


VERBS: Mapping[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb("init", "ask for the workers, look at them, write a cluster config"),
        Verb("doctor", "tell what is wrong with each worker, and what cures it"),
        Verb("plan", "show what a run would do, and the state of the workers; start nothing"),
        Verb("run", "train every base model once, then run every experiment from it"),
        Verb("serve", "stand by for jobs: each addition has its own script, and nothing ends it but you"),
        Verb("top", "show what is in use on every machine: GPUs, cores, memory, slots", "machines"),
        Verb("ps", "list the jobs of a run: state, worker, how long, why one failed"),
        Verb("why", "tell why a job has not ended, and what would change it"),
        Verb("cancel", "end jobs of a running master; they stay ended until a retry", "jobs"),
        Verb("add", "add jobs to a running master, for its script and its base models", "jobs"),
        Verb("retry", "try jobs again that failed or were cancelled", "jobs"),
        Verb("set", "change which jobs go first, and how many run at a time"),
        Verb("workers", "list the workers of a running master, and who holds them", "workers"),
        Verb("pause", "give a worker nothing more, until it is resumed or for a time", "workers"),
        Verb("resume", "use a worker again that was paused or drained", "workers"),
        Verb("drain", "free a worker for somebody else, when its jobs end or now", "workers"),
        Verb("add-worker", "take a worker into a run that goes on", "workers"),
        Verb("remove-worker", "take a worker out of a run that goes on", "workers"),
        Verb("logs", "show what a job wrote, or with -f what it writes until it ends"),
        Verb("web", "serve a page that shows a run, live, and steers it"),
        Verb("results", "join parameters with metrics, in groups over seeds, the best first"),
        Verb("base", "list, check, compare, pin or delete the base models of a run directory", "stored"),
        Verb("cache", "list, check or clear what workers keep for later jobs", "machines"),
        Verb("hash", "tell which base model a job starts from, and what keeps two jobs from sharing one"),
        Verb("completion", "print what a shell needs to complete these words"),
    )
}
