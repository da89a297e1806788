"""Tests of the mutation command."""
