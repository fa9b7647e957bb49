"""What `scripts/stack.sh money` prints."""

import sys

from scaleout.money import checker
from scaleout.narrator import Narrator


def money(driver, _):
    narrator = Narrator(f"Money of the stack at {driver.url()}")
    narrator.scene("Orders and payments")
    checker.check(narrator, driver)
    sys.exit(narrator.finish())
