"""What was corrected, learned: films, fine-tuning, operating points, and whether it is better for it."""
