"""The process that holds the networks, and what is asked of it."""
