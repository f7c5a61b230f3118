"""A film's reading and report as DICOM objects: outlines, measurements, pictures and text."""
