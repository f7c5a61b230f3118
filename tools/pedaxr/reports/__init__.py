"""Reports: drafted from a reading, checked against it, and signed by a human."""
