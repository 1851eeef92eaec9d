"""Pools of a run: who asks their engines for allocations, and how their seats are reached."""
