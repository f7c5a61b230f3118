"""What a data set gives away: labels told by the surroundings, and films in two splits."""
