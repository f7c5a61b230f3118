"""An object as the bytes that leave this machine."""

from io import BytesIO

from pydicom import Dataset


def encoded(one: Dataset) -> bytes:
    """An object as a DICOM file; equal objects give equal bytes."""
    buffer = BytesIO()
    one.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
