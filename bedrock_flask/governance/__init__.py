"""Who may call what, how much, and what it costs: keys, teams and the stores that keep them."""
