"""The core: event + state -> new state + commands. Pure: no Django, Celery, Redis, SOAP, clock or chance.

``advance(event, state, context)`` applies one event, ``fold`` a batch. Each event type has one short handler
(``handlers``); a type without one raises ``TypeError``.
"""

from calls.core.reducer import advance, fold

__all__ = ["advance", "fold"]
