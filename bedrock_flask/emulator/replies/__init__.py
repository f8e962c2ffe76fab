"""Scripted replies: which prompt gets which reply. The first that matches is taken; other prompts go to the engine."""
