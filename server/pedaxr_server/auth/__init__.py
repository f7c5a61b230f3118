"""Who calls: bearer tokens, the keys that sign them, and the caller they name."""
