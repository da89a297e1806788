"""The admin in a real browser: every page looked at by axe-core, in light and dark, wide and narrow; by keyboard."""
