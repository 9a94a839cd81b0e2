"""Long trials of what docs/reliability.md promises; `make soak`."""
