"""How dates and times are written wherever Django writes them: named by ``FORMAT_MODULE_PATH``."""
