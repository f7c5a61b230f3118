"""Gastric tubes: a small network that sees them, how it learns to, and where the one it sees ends."""
