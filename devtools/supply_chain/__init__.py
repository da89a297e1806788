"""What the product is made of: locked packages, their licences, an SBOM, and what is known against them."""
