"""What ``./gateway`` does once its environment stands: demo, up, manage, test, bench."""
