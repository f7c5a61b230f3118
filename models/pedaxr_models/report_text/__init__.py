"""Facts to sentences and back: grammar, wordings, parser, and scores of text."""
