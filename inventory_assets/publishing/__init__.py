"""People's files as messages: what a row becomes, what is wrong by line, and sending that goes on where it broke."""
