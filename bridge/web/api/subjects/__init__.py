"""What is asked of the API, by subject: each function answers one route, and its docstring is its documentation."""
