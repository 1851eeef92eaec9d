"""Networks for tables, one module each, their recipes, and how many of one kind become a single one."""
