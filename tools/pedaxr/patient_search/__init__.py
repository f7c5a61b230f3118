"""Names across scripts, spellings and slips of the keyboard, and the index they are found by."""
