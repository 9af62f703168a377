"""Ours and the peers': each decides who is rung for whom, on the same floor."""
