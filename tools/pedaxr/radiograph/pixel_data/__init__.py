"""Whether the pixels of a DICOM file are what its header says: whole, and in its order of bytes."""
