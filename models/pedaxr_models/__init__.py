"""Networks, data sets and training for paediatric abdominal radiographs (bottom layer)."""
