"""What the reader's patches are made of when a frozen backbone looks first."""
