"""A hospital's own films: what the networks say of them, measured for a quality meeting."""
