"""What the programs count and measure of their own work, for Prometheus; and traces, where they are switched on.

Each process counts in a file of its own (``processes``); whoever is scraped adds up those of its machine, so that the
numbers may be summed over machines. What is true of the whole installation is read from the database instead
(``gateway_site.ops.metrics``).
"""
