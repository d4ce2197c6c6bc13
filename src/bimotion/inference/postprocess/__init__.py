"""Clean-up of generated motion: feet, bone lengths, joins."""
