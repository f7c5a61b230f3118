"""From tissue to film: physics, processing, what else lies on the film."""
