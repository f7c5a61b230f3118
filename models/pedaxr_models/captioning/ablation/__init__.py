"""What each input of the report writer is worth."""
