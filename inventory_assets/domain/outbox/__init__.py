"""What leaves: the bodies and attributes of outgoing messages; pure."""
