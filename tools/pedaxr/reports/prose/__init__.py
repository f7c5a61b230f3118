"""How a report is told: three to six sentences of findings, and an impression that answers the question."""
