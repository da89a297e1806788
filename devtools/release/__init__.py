"""Prepares a release: one version in every place that names it, and the changelog's section of it."""
