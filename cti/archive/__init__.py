"""The archive of the journal: the events of each source in compressed files, beyond what Redis keeps."""
