"""`pedaxr learn` and `pedaxr weights`: networks that learn from corrections, and the way back."""
