"""Many cases: which there are, what runs them, what became of each, and what a person has to look at."""
