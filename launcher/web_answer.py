"""Whether the gateway's web answers at its address."""

import http.client

from gateway_site.config.bind import Bind

#: An answer within this many seconds, or none.
TIMEOUT = 1.0


def web_answers(bind: Bind) -> bool:
    """Say whether a web server answers there, whatever it says (it may refuse our name)."""
    link = http.client.HTTPConnection(bind.dialled.host, bind.port, timeout=TIMEOUT)
    try:
        link.request("GET", "/health/live")
        return bool(link.getresponse().status)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()
