"""Raw data sets: each module lists the recordings of one kind."""
