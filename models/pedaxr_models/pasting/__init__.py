"""Findings put into films that do not show them: gas added and tissue taken away along the beam."""
