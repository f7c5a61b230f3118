"""Training on synthetic and real films together, where a real film's truth is known in part."""
