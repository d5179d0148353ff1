"""The model of one case as CP-SAT has it: decision variables, linearised terms, rules, the cutoff of the objective."""
