"""Which keys of a configuration a program reads, found in its source without running it."""
