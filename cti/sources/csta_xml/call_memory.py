"""What is known of the calls of one source."""

from dataclasses import dataclass, field

from cti.sources.csta_xml.call_linkage import Interactions
from cti.sources.csta_xml.call_queues import CallQueues


@dataclass(frozen=True)
class CallMemory:
    """What messages said of calls that later ones leave out. It outlasts a connection, for calls outlast it too."""

    interactions: Interactions = field(default_factory=Interactions)
    queues: CallQueues = field(default_factory=CallQueues)
