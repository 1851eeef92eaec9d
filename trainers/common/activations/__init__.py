"""Where trainers read activations: matrices [N, D] in files, described, checked, and brought into memory."""
