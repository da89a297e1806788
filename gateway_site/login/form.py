"""The form of the log-in page."""

from unfold.forms import AuthenticationForm


class LogInForm(AuthenticationForm):  # type: ignore[misc]  # unfold has no types
    """The log-in, with its refusal in words that say what may be wrong."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "User name and password do not match, or this account may not log in. Capitals count in both.",
    }
