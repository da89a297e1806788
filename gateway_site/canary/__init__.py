"""Canary calls: a synthetic call of each test extension at an interval, followed to the flags that QMS gives back.

``ways`` makes the call, ``checks`` looks how far it has come, ``runs`` carries it on step by step, ``standing`` says
what is red. A canary call counts in no statistic (decision 40).
"""
