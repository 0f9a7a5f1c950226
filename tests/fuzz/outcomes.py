"""What a reader may do with a damaged file."""
import signal
from contextlib import contextmanager

from hypothesis import settings

SECONDS = 20

# The decorator of all tests here: 50 inputs, or those of the long profile.
fuzz = settings(
    deadline=None,
    max_examples=50 if settings.default.max_examples <= 100 else
    settings.default.max_examples)


class Hang(BaseException):
    """Not an Exception, so that no reader takes it for a wrong file."""


def outcome(read, name, *errors, believes_lengths=False):
    """Return what a reader returns, or None for an error that it documents.

    The error must be of one of the types given, not of a derived type such as
    ``UnicodeDecodeError``, and contain ``name``. Unless ``believes_lengths``,
    it must not come from a lack of memory: the reader has then allocated what
    a damaged length asks for, which another machine might grant.
    """
    try:
        with time_limit():
            return read()
    except errors as error:
        kind = type(error)
        assert kind in errors or kind.__module__.startswith('mmcckd'), error
        assert name in str(error), error
        assert len(str(error)) < 10**6
        cause = error
        while cause is not None and not believes_lengths:
            assert not isinstance(cause, MemoryError), repr(cause)
            assert 'allocate' not in str(cause), repr(cause)
            cause = cause.__cause__ or cause.__context__
        return None


@contextmanager
def time_limit():
    def stop(*_):
        raise Hang(f'It did not end within {SECONDS} s.')

    # Processor time, since another process may use the processor meanwhile.
    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
