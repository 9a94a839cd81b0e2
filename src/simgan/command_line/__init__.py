"""The command line: one file for each command, and tables of measurements. Other packages must not import it."""
