"""Pictures that are no paediatric abdominal film."""
