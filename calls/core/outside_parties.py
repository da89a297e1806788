"""Who in a call is an outside party, whose end a PBX need not report."""

from agents.core.matching import MatchKind
from calls.core.call_facts import is_number_of
from calls.core.state import CallState, Party
from calls.core.unit_of_work import UnitOfWork


def is_outside(work: UnitOfWork, call: CallState, party: Party) -> bool:
    """Say whether a party of a call is taken for one outside when it is asked whether the call goes on.

    So is, of a source that does not list its devices, one whose extension no QMS user has, and that is a number of the
    call or an international one. Its leg stays: no flag can be written to that.
    """
    if party.outside or not work.site.is_extension(party.device_id):
        return True
    leg = work.legs.get(party.leg) if party.leg is not None and not work.site.devices else None
    if leg is None or leg.match is not MatchKind.UNMATCHED:
        return False
    return party.device_id.startswith("+") or is_number_of(call, party.device_id)
