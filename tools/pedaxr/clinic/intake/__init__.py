"""Films on their way into a clinic: whose each is, what is known of it, and what is to be checked."""
