"""Read paediatric abdominal radiographs: find the patient, segment the film, draft the report."""
