"""The history of the configuration: who changed which value, when, from what to what, in Django's admin log."""
