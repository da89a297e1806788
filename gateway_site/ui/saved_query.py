"""What a saved view keeps of a list's address. Pure."""

from django.http import QueryDict

#: Parameters that no view keeps: places in the list, and the search, which may be a caller's number or name.
NOT_SAVED = ("before", "p", "e", "q", "search")


def kept_query(text: str) -> str:
    """Return the parameters of an address that a view keeps."""
    query = QueryDict(text, mutable=True)
    for name in NOT_SAVED:
        query.pop(name, None)
    return query.urlencode()
