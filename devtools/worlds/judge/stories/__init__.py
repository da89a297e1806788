"""More kinds of calls, each a function as those of ``calls`` and ``transfers`` are; a wire need not know them."""
