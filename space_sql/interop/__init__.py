"""Other tools, each in a package of its own; they only use what datasets can do."""
