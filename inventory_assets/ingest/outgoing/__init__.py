"""What leaves with the bursts: what is owed, what was sent, a day's figures."""
