"""The synthetic clinic."""
