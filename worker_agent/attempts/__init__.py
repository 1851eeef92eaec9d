"""One attempt on disk: how it is launched, where it works, what it says and leaves."""
