"""The report of a training: one HTML file that works offline."""

from base64 import b64encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from skmlp.cli.columns import Column, remedies
from skmlp.cli.evaluation import Importances, Predictions, Scores
from skmlp.cli.figures import Figure
from skmlp.cli.tables import is_numeric

__all__ = ["Report", "decimal"]

N_MISTAKES, MAX_CELLS, MAX_CHARACTERS = 20, 8, 40  # rows; columns beside the labels; of a value
SCORE_NAMES = "accuracy", "balanced accuracy", "log-loss", "AUC"

_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --card: #fff; --text: #1d2127; --muted: #5c6470;
  --line: #d9dde3; --accent: #0072b2; --stripe: #f5f7f9; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171b; --card: #1b1e23; --text: #d7dae0;
  --muted: #9aa2ae; --line: #363b43; --accent: #56b4e9; --stripe: #20242a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main, header, footer { max-width: 72rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.5rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
p { margin: .5rem 0; max-width: 46rem; }
.muted, figcaption, footer { color: var(--muted); font-size: .9rem; }
.big { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem;
  margin: 1.2rem 0; padding: 0; }
.big div { border: 1px solid var(--line); border-radius: .5rem; background: var(--card);
  padding: .6rem .9rem; }
.big dt { color: var(--muted); font-size: .85rem; }
.big dd { margin: 0; font-size: 1.6rem; font-variant-numeric: tabular-nums; }
.big dd small { display: block; font-size: .8rem; color: var(--muted); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
  gap: 1rem; align-items: start; }
figure { margin: 0; border: 1px solid var(--line); border-radius: .5rem; background: var(--card);
  padding: .75rem; }
figure img { display: block; width: 100%; max-width: 36rem; height: auto; margin: 0 auto; }
figure h3 { font-size: 1rem; margin: 0 0 .5rem; }
figcaption { margin-top: .5rem; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; }
.scroll:focus-visible { outline: 2px solid var(--accent); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; background: var(--card); }
th, td { padding: .35rem .7rem; text-align: left; vertical-align: top; }
thead th { border-bottom: 1px solid var(--line); color: var(--muted); font-weight: 600;
  white-space: nowrap; }
tbody tr:nth-child(even) { background: var(--stripe); }
tbody th { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tbody th { min-width: 6.5rem; overflow-wrap: break-word; }
.rows td, .rows th { white-space: nowrap; min-width: 0; }
@media (max-width: 40rem) { table { font-size: .8rem; } th, td { padding: .3rem; }
  thead th, thead th.number { white-space: normal; } tbody th { min-width: 5rem; } }
code { font-size: .9em; overflow-wrap: anywhere; }
ul { padding-left: 1.2rem; margin: .7rem 0; }
ul.caution { font-weight: 600; }
footer { padding-top: 1rem; padding-bottom: 2rem; margin-top: 2rem; }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{title}</h1><p class="muted">{subtitle}</p></header>
<main>
{body}
</main>
<footer><p>{footer}</p><p><code>{command}</code></p></footer>
</body>
</html>
"""


@dataclass(frozen=True)
class Report:
    """What the report shows.

    Attributes
    ----------
    title, subtitle, footer : str
    command : str
        The command line.
    notes : list of str
        Sentences on how the model was trained and evaluated.
    columns : list of Column
    dropped : list of str
        The columns that the user left out.
    scores : dict of str to Scores
        Those of the model first, then those of the baselines.
    cautions : list of str
        Sentences on the scores.
    judged : Predictions
    classes : DataFrame of shape (n_classes, n_measures)
        The measures of each class.
    found : Importances
    figures : dict of str to Figure
        Empty without matplotlib.
    """

    title: str
    subtitle: str
    footer: str
    command: str
    notes: Sequence[str]
    columns: Sequence[Column]
    dropped: Sequence[str]
    scores: Mapping[str, Scores]
    cautions: Sequence[str]
    judged: Predictions
    classes: pd.DataFrame
    found: Importances
    figures: Mapping[str, Figure]

    def html(self) -> str:
        """Return the page."""
        sections = [
            self._summary(),
            _section(
                "Comparison with two baselines",
                self._scores_table(),
                _list(self.cautions, "caution"),
                _list(self.notes),
            ),
            _section("Figures", self._figure_grid()) if self.figures else "",
            _section("Classes", self._class_table()),
            "" if self.figures else _section("Importance of the columns", self._importances()),
            _section("Worst mistakes", *self._mistakes()),
            _section("Columns", self._column_table(), _list(self._column_notes())),
        ]
        return _PAGE.format(
            title=escape(self.title),
            subtitle=escape(self.subtitle),
            footer=escape(self.footer),
            command=escape(self.command),
            style=_STYLE,
            body="\n".join(sections),
        )

    def _summary(self) -> str:
        """Return the scores of the model as large numbers, each with the best baseline's."""
        model, *baselines = self.scores.values()
        cells = []
        for name, value, others in zip(
            SCORE_NAMES, model, zip(*baselines, strict=True), strict=True
        ):
            best = min(others) if name == "log-loss" else max(others)
            cells.append(
                f"<div><dt>{name}</dt><dd>{decimal(value)}"
                f"<small>best baseline {decimal(best)}</small></dd></div>"
            )
        return f'<dl class="big">{"".join(cells)}</dl>'

    def _scores_table(self) -> str:
        rows = [[name, *map(decimal, scores)] for name, scores in self.scores.items()]
        return _table(["model", *SCORE_NAMES], rows, range(1, 5))

    def _figure_grid(self) -> str:
        return f'<div class="figures">{"".join(map(_figure, self.figures.values()))}</div>'

    def _class_table(self) -> str:
        rows = [
            [str(label), *(decimal(v) if isinstance(v, float) else f"{v:,}" for v in values)]
            for label, values in zip(
                self.classes.index, self.classes.astype(object).to_numpy(), strict=True
            )
        ]
        heading = ["class", *self.classes.columns]
        return _table(heading, rows, range(1, len(heading)))

    def _importances(self) -> str:
        found = self.found
        rows = [
            [name, f"{mean:.4f}", f"{std:.4f}"]
            for name, mean, std in zip(found.names, found.mean, found.std, strict=True)
        ]
        heading = ["column", "increase of the log-loss", "standard deviation"]
        return _table(heading, rows, [1, 2])

    def _mistakes(self) -> list[str]:
        """Return the wrong predictions with the highest probability, with the row's values."""
        judged = self.judged
        found = judged.worst_mistakes(N_MISTAKES)
        n_wrong = int((judged.labels != judged.y).sum())
        text = f"{n_wrong:,} of {len(judged.y):,} held-out rows are classified incorrectly."
        if not n_wrong:
            return [_paragraph(text)]
        names = self.found.names[:MAX_CELLS]
        text += (
            " The table lists those with the highest predicted probability, with the values of the "
            f"{len(names)} most important columns. Some may be wrong labels in the file."
        )
        rows = []
        for i in found:
            proba = f"{judged.confidences[i]:.3f}"
            labels = [judged.X.index[i], judged.y[i], judged.labels[i]]
            rows.append([*map(str, labels), proba, *map(_value, judged.X.iloc[i][names])])
        heading = ["row", "true", "predicted", "probability", *names]
        numbers = [3, *(i for i, name in enumerate(names, 4) if is_numeric(judged.X[name]))]
        return [_paragraph(text), _table(heading, rows, numbers, kind="rows")]

    def _column_notes(self) -> list[str]:
        dropped = [f"left out by --drop: {', '.join(self.dropped)}"] if self.dropped else []
        return [*remedies(self.columns), *dropped]

    def _column_table(self) -> str:
        rows = [
            [c.name, _cut(c.read_as, 120), f"{c.n_gaps:,}" if c.n_gaps else "", c.note]
            for c in self.columns
        ]
        return _table(["column", "read as", "missing", "note"], rows, [2])


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _list(lines: Iterable[str], kind: str = "") -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    start = f'<ul class="{kind}">' if kind else "<ul>"
    return f"{start}{items}</ul>" if items else ""


def _figure(figure: Figure) -> str:
    """Return a figure, dark where the reader prefers it."""
    light, dark = (
        f"data:image/png;base64,{b64encode(png).decode()}" for png in (figure.light, figure.dark)
    )
    return (
        f"<figure><h3>{escape(figure.title)}</h3><picture>"
        f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img src="{light}" alt="{escape(figure.title)}"></picture>'
        f"<figcaption>{escape(figure.caption)}</figcaption></figure>"
    )


def _table(
    heading: Sequence[str],
    rows: Iterable[Sequence[str]],
    numbers: Collection[int],
    *,
    kind: str = "",
) -> str:
    """Return a table, given which of its columns are numbers."""
    align = [' class="number"' if i in numbers else "" for i in range(len(heading))]
    top = "".join(
        f'<th scope="col"{number}>{escape(text)}</th>'
        for number, text in zip(align, heading, strict=True)
    )
    lines = []
    for first, *others in rows:
        cells = "".join(
            f"<td{number}>{escape(text)}</td>"
            for number, text in zip(align[1:], others, strict=True)
        )
        lines.append(f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>')
    return (
        f'<div class="scroll {kind}" tabindex="0"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def decimal(value: float) -> str:
    """Return a score with four decimals, "-" if it is not defined."""
    return "-" if value != value else f"{value:.4f}"


def _value(value: Any) -> str:
    """Return a value of a row as text, "" if it is missing."""
    if pd.isna(value):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else _cut(str(value), MAX_CHARACTERS)


def _cut(text: str, n: int) -> str:
    return text if len(text) <= n else f"{text[: n - 1]}…"
