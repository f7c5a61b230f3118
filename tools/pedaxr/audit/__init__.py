"""Who did, read or searched what: a hash chain of entries, and its export as FHIR."""
