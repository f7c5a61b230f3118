"""The bowel, what it holds, and free air."""
