"""Query a dataset: parse an expression, resolve its columns, select records."""
