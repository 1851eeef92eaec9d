"""Which worker gets which ready job: what is ready, what each has room for, and who gets it."""
