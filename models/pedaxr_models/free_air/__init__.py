"""A small network that looks for free intraperitoneal air, beside the segmentation."""
