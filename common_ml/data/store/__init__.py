"""Keep a dataset on disk: sources, indexing, and its rows in DuckDB."""
