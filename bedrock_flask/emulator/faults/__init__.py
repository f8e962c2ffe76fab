"""Faults on request: for the next calls by an admin call, for one call by the header `x-emulator-fault`."""
