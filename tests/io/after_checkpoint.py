"""Something that happens right after a checkpoint was written, as a crash of the process."""

from contextlib import contextmanager

import pytest

from skmlp.callbacks import CheckpointHook


@contextmanager
def after_checkpoint(epoch, action):
    """Call ``action()`` in every fit after the hook of a checkpoint at the end of an epoch."""
    write = CheckpointHook.on_epoch_end

    def write_and_act(self, run, *, is_last):
        write(self, run, is_last=is_last)
        if run.n_done == epoch:
            action()
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CheckpointHook, "on_epoch_end", write_and_act)
        yield


class Crash(BaseException):
    """Simulates the end of the process."""


@contextmanager
def crash_after(epoch):
    """Expect the block to end by a simulated crash after an epoch."""

    def crash():
        raise Crash

    with after_checkpoint(epoch, crash), pytest.raises(Crash):
        yield
