"""Single mutants of the code, each run against the tests that execute it: ``./gateway mutate PATH``.

Neither mutmut nor cosmic-ray is used. mutmut works on a rewritten copy of the tree in which every function is a
trampoline, with no seeded sample, no floor and no list of equivalents with reasons; cosmic-ray writes each mutant
into the file itself and restarts the tests each time: eight seconds here where a forked child takes a fifth of one.

How it works, by module:

1. ``source`` and ``operators`` find every possible mutant as a replacement of a stretch of bytes, so that nothing else
   in the file changes; ``passed_over`` says what is never mutated; ``choice`` takes all of them or a seeded sample.
2. ``warm`` is a process of its own that collects the tests of a mapping once, runs them once under coverage with a
   context for each test, then forks a child for each mutant. The child swaps the code of the mutated functions
   (``swap``) and runs the tests that execute the line to the first failure: those first that noticed other changes of
   the same function or file, then the quickest. A test that needs nothing of pytest but its parameters is called as a
   function (``plain``); each may use so much of the processor's time, whatever else the machine does.
3. ``cold`` serves what is executed at import (constants, defaults, class bodies), and runs every survivor again:
   a child forked before the project was imported reads the mutated text through ``hook`` and runs pytest from its
   start.
4. ``vendors`` says which files are judged on PostgreSQL after SQLite; ``databases`` puts the test databases back.
5. ``report`` prints a table by file and the survivors as diffs.

The work tree is never written to: no mutant is ever in a file.
"""
