"""Where uploaded digits are kept: a SQLite file, or a PostgreSQL server."""
