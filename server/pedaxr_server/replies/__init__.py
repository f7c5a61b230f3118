"""What goes back: tool results, documents, pictures."""
