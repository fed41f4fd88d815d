"""A socket to serve on, limits for who connects to it, and a server that ends what does not end by itself."""
