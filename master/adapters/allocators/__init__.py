"""Engines that lend machines for a while: who asks them for allocations and gives these back."""
