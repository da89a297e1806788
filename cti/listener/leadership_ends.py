"""Why a leadership term of a listener ends, other than by a stop."""


class LeaseLost(Exception):
    """Another listener took the lease: stand by."""

    retryable = True


class SourceGone(Exception):
    """The source was disabled or deleted: there is nothing to listen to."""

    retryable = False
