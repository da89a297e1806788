"""An independent judge: worlds of calls and recordings, what a source reports about them, and which flags are right.

Nothing here imports the product. It is written from the design and the event contract alone.
Therefore its classes are the only ones that may bear the name of another one (``Call``, ``Leg``, ``Recording``).
"""
