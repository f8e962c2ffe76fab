"""One migration a module; a new one names the one before it."""
