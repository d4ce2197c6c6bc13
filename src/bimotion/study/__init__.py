"""The paper's findings on open data: arms that differ in one thing, measured on a common clock."""
