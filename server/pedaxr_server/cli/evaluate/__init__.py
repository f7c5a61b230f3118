"""`pedaxr evaluate`: each command measures on films whose truth is known."""
