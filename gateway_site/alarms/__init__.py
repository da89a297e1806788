"""Alarms for sites without a monitoring system: rules, incidents, and messages by mail and webhook.

``conditions`` looks at what is wrong, ``incidents`` makes one incident of what belongs together, ``messages`` sends it
over the channels. Woken by beat; harmless when run twice.
"""
