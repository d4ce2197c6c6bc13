"""`python -m bimotion.training STAGE ...` is `bimotion train STAGE ...`."""

import sys

from bimotion.training.threads import set_thread_defaults

if __name__ == "__main__":
    set_thread_defaults()
    from bimotion.training.command import main

    sys.exit(main())
