"""Films on disk with masks, tables and cards."""
