"""SQL as everybody here sees it: what a statement reads, touches and may do."""
