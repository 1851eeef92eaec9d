"""GPUs and the locks of slots, which all users and runs of a machine share."""
