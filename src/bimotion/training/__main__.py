"""`python -m bimotion.training STAGE ...` is `bimotion train STAGE ...`."""

import sys

from bimotion.training.process import set_process_defaults

if __name__ == "__main__":
    set_process_defaults()
    from bimotion.training.command import main

    sys.exit(main())
