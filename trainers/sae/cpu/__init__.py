"""Kernels in C++ for training on a CPU, compiled on the machine that trains: a compiler is all they need.

What they do is what the plain functions do, and what `trainers.sae.gpu` does on a GPU.
"""
