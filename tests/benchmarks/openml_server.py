"""A local stand-in for the OpenML server, used by the package `openml` itself.

`write_dataset` and `write_task` write data and tasks to the cache of the package. Suites and
published runs are never cached; `serve` answers requests for them.
"""

from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from tests.serving import serving

NAMESPACE = 'xmlns:oml="http://openml.org/openml"'


def element(name, content):
    """Return an XML element; a dict contains elements, a list repeats the element."""
    if isinstance(content, list):
        return "".join(element(name, part) for part in content)
    if isinstance(content, dict):
        content = "".join(element(key, value) for key, value in content.items())
    return f"<oml:{name}>{content}</oml:{name}>"


def document(name, content):
    return element(name, content).replace(f"<oml:{name}>", f"<oml:{name} {NAMESPACE}>", 1)


def write_dataset(cache, did, name, frame, target):
    """Write a dataset to the cache: a DataFrame whose target and nominal columns are categories."""
    folder = Path(cache, "datasets", str(did))
    folder.mkdir(parents=True)
    description = {
        "id": did, "name": name, "version": 1, "description": name, "format": "ARFF",
        "upload_date": "2020-01-01T00:00:00", "licence": "Public",
        "url": "https://www.openml.org/data/v1/download/1/x.arff",
        "parquet_url": f"https://data.openml.org/d/{did}/dataset_{did}.pq",
        "default_target_attribute": target, "visibility": "public", "status": "active",
    }  # fmt: skip
    features = [_feature(i, frame[name], name == target) for i, name in enumerate(frame.columns)]
    quality = [{"name": "NumberOfInstances", "value": float(len(frame))}]
    for file, root, content in [
        ("description.xml", "data_set_description", description),
        ("features.xml", "data_features", {"feature": features}),
        ("qualities.xml", "data_qualities", {"quality": quality}),
    ]:
        (folder / file).write_text(document(root, content), encoding="utf-8")
    frame.to_parquet(folder / f"dataset_{did}.pq")


def _feature(index, column, is_target):
    categories = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else []
    return {
        "index": index,
        "name": column.name,
        "data_type": "nominal" if len(categories) else "numeric",
        "nominal_value": list(categories),
        "is_target": str(is_target).lower(),
        "is_ignore": "false",
        "is_row_identifier": "false",
        "number_of_missing_values": int(column.isna().sum()),
    }


def write_task(cache, tid, did, target, folds):
    """Write a classification task to the cache; folds are pairs of row numbers, train and test."""
    folder = Path(cache, "tasks", str(tid))
    folder.mkdir(parents=True)
    procedure = {
        "id": 1, "type": "crossvalidation",
        "data_splits_url": f"https://api.openml.org/api_splits/get/{tid}/Task_{tid}_splits.arff",
    }  # fmt: skip
    parameters = {"number_repeats": 1, "number_folds": len(folds), "percentage": ""}
    procedure = element("estimation_procedure", procedure).replace(
        "</oml:estimation_procedure>",
        "".join(
            f'<oml:parameter name="{name}">{value}</oml:parameter>'
            for name, value in parameters.items()
        )
        + "</oml:estimation_procedure>",
    )
    data = element("data_set", {"data_set_id": did, "target_feature": target})
    measures = element("evaluation_measures", {"evaluation_measure": "predictive_accuracy"})
    inputs = {
        "source_data": data, "estimation_procedure": procedure, "evaluation_measures": measures
    }  # fmt: skip
    about = {
        "task_id": tid, "task_name": f"Task {tid}", "task_type_id": 1,
        "task_type": "Supervised Classification",
    }  # fmt: skip
    content = "".join(element(name, value) for name, value in about.items())
    content += "".join(f'<oml:input name="{n}">{value}</oml:input>' for n, value in inputs.items())
    (folder / "task.xml").write_text(document("task", content), encoding="utf-8")
    (folder / "datasplits.arff").write_text(_splits(folds), encoding="utf-8")


def _splits(folds):
    header = ["type {TRAIN,TEST}", "rowid numeric", "repeat numeric", "fold numeric"]
    lines = ["@relation splits", *(f"@attribute {name}" for name in header), "@data"]
    for k, pair in enumerate(folds):
        for kind, rows in zip(("TRAIN", "TEST"), pair, strict=True):
            lines += [f"{kind},{row},0,{k}" for row in rows]
    return "\n".join(lines) + "\n"


def suite(sid, tasks):
    """Return the server's response about a suite, by its path."""
    content = {
        "id": sid, "main_entity_type": "task", "name": "A suite", "description": "Not the real one",
        "status": "active", "creation_date": "2020-01-01", "creator": 1,
        "tasks": {"task_id": tasks},
    }  # fmt: skip
    return {f"study/{sid}": document("study", content)}


def evaluations(tid, runs):
    """Return the server's responses about published runs (flow name, accuracy) on a task."""
    found = [
        {
            "run_id": i, "task_id": tid, "setup_id": i, "flow_id": i, "flow_name": flow,
            "data_id": 1, "data_name": "data", "function": "predictive_accuracy",
            "upload_time": "2020-01-01", "uploader": 1, "value": value,
        }
        for i, (flow, value) in enumerate(runs, 1)
    ]  # fmt: skip
    path = f"evaluation/list/function/predictive_accuracy/limit/10000/offset/0/task/{tid}"
    return {
        path: document("evaluations", {"evaluation": found}),
        "user/list/user_id/1": document("users", {"user": [{"id": 1, "username": "somebody"}]}),
    }


NO_RESULTS = document("error", {"code": 542, "message": "No results"})


@contextmanager
def serve(answers):
    """Answer requests by their paths under /api/v1/xml; yield the server's address, the log."""
    log = []

    def do_GET(handler):
        path = handler.path.removeprefix("/api/v1/xml/")
        log.append(path)
        content = answers.get(path, NO_RESULTS).encode()
        handler.send_response(200 if path in answers else 412)
        handler.send_header("Content-Type", "text/xml; charset=utf-8")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    with serving(do_GET) as port:
        yield f"http://127.0.0.1:{port}/api/v1/xml", log
