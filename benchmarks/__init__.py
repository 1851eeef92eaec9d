"""Speed, side by side with the honest alternative in the same run."""
