"""The CP-SAT model of the mappings onto a hierarchy: rules, and costs that are nowhere above the exact ones."""
