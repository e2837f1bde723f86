"""The database of the service: SQLite for one machine, PostgreSQL for several."""
