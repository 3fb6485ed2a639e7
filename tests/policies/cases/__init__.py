"""What keeps every rule, and what breaks each: held against the functions and against the real engine."""
