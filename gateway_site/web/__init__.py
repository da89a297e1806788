"""The web server: requests are read whole, by a deadline, before a thread works on them."""
