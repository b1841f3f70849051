"""Callbacks: one that records its calls, and one that does nothing."""


class Recorder:
    """Records events and arguments, and calls a function at the end of each epoch."""

    def __init__(self, at_end=lambda epoch: None):
        self.at_end = at_end
        self.events, self.data, self.fitted, self.paths = [], [], [], []
        self.contexts = {}

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X, y, metadata):
        self.events.append(f"begin {context.task_name} {context.task_id}")
        self.data.append((X, y, metadata))

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.events.append(f"end {context.task_name} {context.task_id}")
        self.data.append((X, y, metadata))
        self.contexts[context.task_name] = context
        if context.task_name != "epoch":
            self.last = fitted_estimator
            return None
        self.fitted.append(fitted_estimator)
        return self.at_end(context.task_id)


class Silent:
    """A callback whose hooks request no arguments."""

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        pass
