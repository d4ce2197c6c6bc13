"""Training: one loop, the stages that it runs, checkpoints and logs.

`bimotion.training.command` is the command line's side; nothing here imports torch before it is used.
"""
