"""From files of rows to a dataset: schema, reading by format, splits, statistics of the training split."""
