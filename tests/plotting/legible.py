"""Checks of the texts in a figure."""


def texts_and_boxes(figure):
    """Return the texts of a figure and their bounding boxes."""
    figure.canvas.draw()
    texts = [figure._suptitle] if figure.get_suptitle() else []
    below = [child for ax in figure.axes for child in ax.child_axes]
    for ax in [*figure.axes, *below]:
        texts.append(ax.title)
        if ax.axison:
            texts += [ax.xaxis.label, ax.yaxis.label]
            texts += [] if ax.get_legend() is None else ax.get_legend().get_texts()
            left, right = ax.get_xlim()
            bottom, top = ax.get_ylim()
            if ax.xaxis.get_tick_params().get("labelbottom", True):
                texts += [t for t in ax.get_xticklabels() if left <= t.get_position()[0] <= right]
            texts += [t for t in ax.get_yticklabels() if bottom <= t.get_position()[1] <= top]
    return [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]


def assert_legible(figure):
    """Check that no text is cut off or overlaps another."""
    width, height = figure.canvas.get_width_height()
    boxes = texts_and_boxes(figure)
    assert boxes
    for text, box in boxes:
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
        assert inside, f"{text!r} is cut"
    for i, (text, box) in enumerate(boxes):
        for other, other_box in boxes[:i]:
            assert not box.overlaps(other_box), f"{text!r} covers {other!r}"
