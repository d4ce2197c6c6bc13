"""Training: one loop, the stages that it runs, checkpoints and logs.

`bimotion.training.command` is the command line; torch is imported only when it is used.
"""
