"""The order of the journal's entry ids: ``MILLISECONDS-COUNTER``, compared as numbers. Pure."""


def entry_order(entry_id: str) -> tuple[int, int]:
    """Return what entry ids are compared by."""
    head, _, tail = entry_id.partition("-")
    return int(head), int(tail or 0)
