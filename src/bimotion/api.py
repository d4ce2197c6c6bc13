"""Loading models, reading and writing clips: what `import bimotion` gives."""
