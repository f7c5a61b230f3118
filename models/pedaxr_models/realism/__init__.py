"""How well made films can be told from real ones, and by what."""
