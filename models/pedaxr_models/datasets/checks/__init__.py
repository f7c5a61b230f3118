"""What a data set gives away: labels told by the surroundings, films in two splits, odd outlines."""
