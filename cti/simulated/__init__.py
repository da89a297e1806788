"""A simulated contact centre: a PBX that speaks CSTA XML (ECMA-323) over TCP as a server, and knows the truth.

people, scenarios, world    who works there and what happens: pure, from a seed
board, messages             calls, connections and legs as the switch has them, and what it says of them
server, association         the switch's side of the wire
tap, ledger, running        the network tap of the simulated QMS, the record of what truly happened, the pace
"""
