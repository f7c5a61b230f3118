"""The hospital's PACS: search it, fetch films from it, take what it sends, and send results back.

What a PACS answers is foreign input, like a film file: it is bounded, checked and never trusted with an
identity. Only this package speaks DICOM over a network; its libraries come with the extra `pacs` and load
with the first call.
"""
