"""The child: bones, organs, outline."""
