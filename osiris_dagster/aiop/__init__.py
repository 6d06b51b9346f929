"""AI Operation Packages: what a run did and why, as one document with its evidence. The rooms build on each other."""
