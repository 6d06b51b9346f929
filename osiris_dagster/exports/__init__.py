"""From an ended run to its packages on disk: the queue, the facts, the export. The use case of sensors and verbs."""
