"""What a training of the report writer puts before it: synthetic films, real ones, and what is no film."""
