"""What holds for all tests: a slow machine is no failure of a property, and Ctrl-C is heard."""

import signal

from hypothesis import HealthCheck, settings

settings.register_profile("chorus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("chorus")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in the background of a shell; all that tests start, and interrupt, would ignore it, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
