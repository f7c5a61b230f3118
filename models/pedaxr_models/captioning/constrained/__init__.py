"""Report writing that may not state what both witnesses, finding head and segmentation, exclude."""
