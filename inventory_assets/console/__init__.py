"""The web console: pages and a JSON API beside the lake, for who does not use a terminal.

Belongs here: HTTP, pages, what may ask and what may write. Does not belong: what
a row holds (`queries`) or how it is said (`words`), nor a way to write the lake: whatever
somebody changes here leaves as a message.
"""
