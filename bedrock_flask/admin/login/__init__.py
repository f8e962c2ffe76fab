"""People log in to the admin API with an OpenID provider; their groups there say what they may do."""
