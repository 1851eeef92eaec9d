"""Kernels in Triton for training on a CUDA GPU; what they do is what the plain functions do.

Shapes: B examples of a batch, L latents, D activations, C candidates of an example at most, n active pairs.
"""
