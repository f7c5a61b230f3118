"""Images that are not paediatric abdominal films."""
