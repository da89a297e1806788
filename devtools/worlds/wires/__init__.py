"""What a world says on a wire: written from the wire's own standard, and imports nothing of the product."""
