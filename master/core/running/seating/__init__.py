"""Seats of pools: how many are wanted, what happens to their allocations, and what still fits into one."""
