"""One film read: checked, segmented, measured, judged for quality."""
