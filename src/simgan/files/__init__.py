"""Writing files and folders that appear complete or not at all, and storing networks in them."""
