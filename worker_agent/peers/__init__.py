"""Artefacts from worker to worker: who is who, what goes over the wire, who listens for how long."""
