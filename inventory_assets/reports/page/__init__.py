"""What a report looks like: sections, pictures, HTML, CSV."""
