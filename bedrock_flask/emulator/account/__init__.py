"""The emulated account: what lives as long as the emulator and is the same for all its callers."""
