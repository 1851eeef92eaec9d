"""What `train_sae` does besides training: a word each."""
