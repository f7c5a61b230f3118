"""How well synthetic films can be distinguished from real ones, and by what."""
