"""What simgan costs, against the textbook loop and against the processor's peak: `make bench`."""
