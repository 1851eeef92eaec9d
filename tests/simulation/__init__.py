"""Whole runs in simulated time: the cores of master and agents, and a world that does its worst to them."""
