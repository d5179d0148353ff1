"""Mappings onto hierarchies as files of other tools, and what each format cannot say of a machine."""
