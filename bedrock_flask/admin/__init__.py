"""The admin API: teams, keys, the audit log and what is spent, over HTTP, in a process and on a port of its own."""
