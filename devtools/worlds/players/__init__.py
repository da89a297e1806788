"""Who plays worlds: the core by itself, and a running gateway over HTTP. The only part that imports the product."""
