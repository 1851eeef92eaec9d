"""Steps on an accelerator, recorded once and repeated: nothing in them waits for the host.

Shapes: B examples of a batch, D features, C columns, K numbers of a column.
"""
