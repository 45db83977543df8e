"""Whether the tests notice: the code is changed in one place at a time, and some test must fail. `make mutants`."""
