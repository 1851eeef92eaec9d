"""What the user keeps for himself: values and addresses, in files of his alone and in no config."""
