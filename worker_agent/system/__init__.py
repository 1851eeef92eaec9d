"""What the operating system offers: processes, sockets, threads, files."""
