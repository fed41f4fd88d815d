"""Every sentence, number format and picture that a person reads, whatever the surface. Pure."""
