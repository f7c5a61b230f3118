"""Files and SQLite databases that keep what was acknowledged."""
