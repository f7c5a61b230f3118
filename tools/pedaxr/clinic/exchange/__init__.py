"""Outlines and decisions in the formats of other programs, read and written without loss."""
