from tests.command import _clean_environment, osiris, ran, shop

__all__ = ["_clean_environment", "osiris", "ran", "shop"]
