"""Tests of the two foreign services."""
