"""Tables in files, a module for each format: `names(path)` and `columns(path, names)`."""
