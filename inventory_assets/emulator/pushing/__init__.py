"""Push delivery by HTTP, and who it says it comes from.

pusher        when a message is sent, and what its status means
post          one request
identity      the emulator's key, and the tokens signed with it
token_server  hands out the key set and tokens
"""
