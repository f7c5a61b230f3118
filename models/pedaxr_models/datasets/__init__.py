"""Loaders: every source of films ends as one `Film` record each."""
