"""What programs say of jobs that share a process."""
