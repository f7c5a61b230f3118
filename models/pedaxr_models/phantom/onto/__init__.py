"""Findings of synthetic children put into films of other children."""
