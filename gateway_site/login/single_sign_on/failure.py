"""The one error of single sign-on."""


class SignOnFailed(Exception):
    """Nobody is logged in; the text is a sentence for the person and the history, without tokens or claims."""
