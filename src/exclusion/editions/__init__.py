"""Assemble, gate, publish atomically, compare and roll back."""
