"""A film file to pixels: PNG, JPEG or DICOM, decoded in a confined process."""
