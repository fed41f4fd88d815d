"""One module per way out of the system, behind one protocol.

Belongs here: handing a notification to one channel, once. Does not belong: what it
says (`notify.message`), which notifications there are (`domain.notify.routing`), when
to try again or what to record (`notify.delivery`).
"""
