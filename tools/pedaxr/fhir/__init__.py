"""A report as FHIR R4 resources, for hospital systems that speak FHIR."""
