"""Messages that Pub/Sub pushes, and reports that a scheduler asks for, over HTTP with OpenID tokens.

    tokens   is a token good, and whose is it: pure
    keys     the issuer's key set, fetched and kept
    wrapper  a pushed message out of its request
    intake   what becomes of it: an adjustment is published, an alert recorded
    days     the report of a day, built once
    app      routes, statuses
    serve    `inventory serve-push`

A service of its own and not a part of the console: it is reached from outside
by programs with Google's tokens, and holds neither the console's pages nor its
token; on Cloud Run it runs as many times as there is work.
"""
