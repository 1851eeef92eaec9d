"""How jobs are kept within their limits: by the kernel where the user may ask it, else by looking."""
