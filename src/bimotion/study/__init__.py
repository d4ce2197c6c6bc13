"""The paper's findings tested on open data: designs (arms) that differ in one property, compared at equal cost."""
