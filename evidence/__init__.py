"""An append-only log of what was decided and written: hash-chained blocks, signed by the day."""
