"""Films projected from CT volumes, with outlines that follow from the volumes' masks."""
