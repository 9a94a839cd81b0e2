"""Place and scale of the content: compares two sets, and measures how far refining moved content within an image."""
