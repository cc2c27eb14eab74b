"""Who is left out as services go online, where, why, and where one more champion would help most."""

__version__ = "0.1.0"
