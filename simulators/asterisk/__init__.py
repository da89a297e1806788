"""A simulated Asterisk: what a canary call needs of the Manager Interface (AMI), message by message as a real one."""
