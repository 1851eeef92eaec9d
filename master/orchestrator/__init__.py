"""`run_all_training`: any set of training scripts, in parallel on this machine or on the cluster."""
