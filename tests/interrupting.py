"""Ctrl-C at a known moment of training, for tests."""

from skmlp.training.trainer import TrainingRun


def interrupted_at(monkeypatch, epoch):
    """Raise KeyboardInterrupt at the end of this epoch, counted over all fits; count the epochs."""
    ended, end_epoch = [], TrainingRun.end_epoch

    def end_and_interrupt(run, record):
        stop = end_epoch(run, record)
        ended.append(run)
        if len(ended) == epoch:
            raise KeyboardInterrupt
        return stop

    monkeypatch.setattr(TrainingRun, "end_epoch", end_and_interrupt)
    return ended
