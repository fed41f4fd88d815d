"""What a client asks for over HTTP, as messages: read, judged as they will be when they are taken in, pure."""
