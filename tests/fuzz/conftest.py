"""``--hypothesis-profile=long`` tries 10,000 inputs in each test, or as many
as the environment variable INPUTS says, more than 100."""
import gc
import os
import resource

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    'long',
    max_examples=int(os.environ.get('INPUTS', 10_000)),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow])
GIB = 2**30


@pytest.fixture(autouse=True, scope='module')
def limited_memory():
    """Make it an error to allocate as much as a damaged length may ask for,
    also where the system would grant memory that it does not have."""
    with open('/proc/self/statm') as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + GIB, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, limits)


@pytest.fixture(autouse=True, scope='module')
def fast_garbage_collection():
    """MMEngine collects garbage for each data set that it creates, which takes
    0.5 s with all packages imported."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
