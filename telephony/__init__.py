"""Everything about Asterisk; imports nothing of ours."""
