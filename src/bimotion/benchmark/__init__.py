"""Speed of generating, captioning and training on this machine, compared with its bounds."""
