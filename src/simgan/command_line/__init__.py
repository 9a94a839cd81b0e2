"""The command line: one file a command, and tables of what was measured. Nothing else imports it."""
