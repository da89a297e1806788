"""Two Recording Services of other vendors, for tests: one as .NET WCF answers, one as Java JAX-WS does.

Both do what ``contracts/qms.wsdl`` asks for, under names, namespaces and wrappings of their own, and hold everything in
memory. ``Archive`` is the truth behind either: what a recording holds, and how often each flag was written. Faults of
the wire and of the data are switched on by ``misbehave``. The vendors and their services are made up.
"""

from .archive import Archive, Field, Person, Recorded, Refused
from .jaxws import JaxWsOptions, JaxWsService
from .misbehaviour import Misbehaviour, Operation, Raw
from .wcf import WcfOptions, WcfService

__all__ = [
    "Archive", "Field", "JaxWsOptions", "JaxWsService", "Misbehaviour", "Operation", "Person", "Raw", "Recorded",
    "Refused", "WcfOptions", "WcfService",
]  # fmt: skip
