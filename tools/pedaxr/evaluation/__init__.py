"""How well the product does on films whose truth is known."""
