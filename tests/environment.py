"""A pytest plugin that starts what the tests need before Django's settings are read.

Each test process gets its own folder and its own real Redis. ``GATEWAY_TEST_POSTGRESQL=1`` starts one real PostgreSQL
for the run; otherwise the database is SQLite. Everything is stopped by process id.
"""

from devtools.servers import begin_test_servers

begin_test_servers()
