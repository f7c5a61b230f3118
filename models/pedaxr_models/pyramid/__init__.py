"""Small networks that look for one thing on a whole film, and their training."""
