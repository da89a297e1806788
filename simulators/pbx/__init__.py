"""A simulated contact centre: a PBX that speaks CSTA XML (ECMA-323) over TCP as a server, and knows the truth.

people, plan, floor                 who works there, how busy the day is, who is free: pure
world, scenarios, conversations     what happens, from a seed: pure
board, call, messages, facts        calls and legs as the switch truly has them, and what it says of them: pure
switch, server, association         who listens where; the switch's side of the wire
tap, ledger, running                the network tap of the simulated QMS, the record of what truly happened, the pace
"""
