"""The texts of the page "Why not flagged?". All pure: a case goes in, an ``Explanation`` comes out.

==================  ======================================================================
``leg_outcome``     a leg was found: what its outcome means, why, what to do
``causes``          causes that a word names: why a search missed, why a write was refused
``no_leg``          nothing was found: what was missed, or never there
==================  ======================================================================
"""
