"""How people log in: throttles, a second factor, single sign-on, an end to idle sessions."""
