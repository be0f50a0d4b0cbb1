"""Checks say whether rows keep their contracts and which subjects are exceptions."""
