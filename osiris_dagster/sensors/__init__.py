"""A run ended: queue it, export its package. No decisions here."""
