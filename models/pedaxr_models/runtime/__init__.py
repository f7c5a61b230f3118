"""Run a checkpoint: load, verify, predict."""
