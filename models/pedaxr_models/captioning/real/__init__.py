"""Real films, of which little is known, to learn reports from beside synthetic ones."""
