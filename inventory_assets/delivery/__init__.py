"""One module per way out of the system, behind one protocol.

Belongs here: rendering a notification and handing it to one channel, once.
Does not belong: which notifications there are (`domain.routing`), when to try
again or what to record (`stages.deliver`).
"""
