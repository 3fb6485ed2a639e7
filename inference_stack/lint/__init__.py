"""Reads what people already run, and says what the pinned engine would refuse or misread in it."""
