"""Findings of made children put into films of other children."""
