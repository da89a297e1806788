"""CTI source ``asterisk_ami``: the Asterisk Manager Interface over TCP.

framing -> mending -> messages -> picture (board, callbook, ledger, conversations, joining, dialling, agents,
variables) -> CTI events; session is the client. All but session is pure.
"""
