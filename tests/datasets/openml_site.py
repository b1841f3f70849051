"""A local stand-in for the OpenML server, used by `sklearn.datasets.fetch_openml` itself.

`documents` makes OpenML's responses for Fashion-MNIST from arrays of any length. `fill_cache`
writes them to scikit-learn's cache, and `online` serves them to this process instead of the real
site. No function of scikit-learn is replaced.
"""

import gzip
import hashlib
import json
import urllib.request
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from tests.serving import serving

SEARCH = "api/v1/json/data/list/data_name/fashion-mnist"
DESCRIPTION = "api/v1/json/data/40996"
FEATURES = "api/v1/json/data/features/40996"
QUALITIES = "api/v1/json/data/qualities/40996"
DATA = "data/v1/download/18238735"


def documents(images, labels, *, label="{}", pixel="{}", separator=",", md5=None):
    """Return the responses, a dict from paths on the server to contents."""
    names = [f"pixel{i + 1}" for i in range(images.shape[1])]
    classes = [label.format(k) for k in range(10)]
    table = _arff(images, labels, names, classes, pixel, separator)
    found = {"did": 40996, "name": "Fashion-MNIST", "version": 1, "status": "active"}
    description = {
        "id": "40996",
        "name": "Fashion-MNIST",
        "version": "1",
        "status": "active",
        "format": "ARFF",
        "description": "Not the real one.",
        "file_id": "18238735",
        "url": f"https://www.openml.org/{DATA}/Fashion-MNIST.arff",
        "md5_checksum": md5 or hashlib.md5(table).hexdigest(),
    }
    features = [_feature(i, name, "numeric") for i, name in enumerate(names)]
    features.append(_feature(len(names), "class", "nominal", is_target="true"))
    qualities = [{"name": "NumberOfInstances", "value": f"{len(images)}.0"}]
    answers = {
        f"{SEARCH}/limit/2/data_version/1": {"data": {"dataset": [found]}},
        DESCRIPTION: {"data_set_description": description},
        FEATURES: {"data_features": {"feature": features}},
        QUALITIES: {"data_qualities": {"quality": qualities}},
    }
    return {
        **{path: json.dumps(answer).encode() for path, answer in answers.items()},
        DATA: table,  # scikit-learn 1.6
        f"{DATA}/Fashion-MNIST.arff": table,  # scikit-learn 1.7 to 1.9
    }


def _arff(images, labels, names, classes, pixel, separator):
    header = ["@RELATION Fashion-MNIST"]
    header += [f"@ATTRIBUTE {name} REAL" for name in names]
    header += [f"@ATTRIBUTE class {{{','.join(classes)}}}", "@DATA"]
    text = [pixel.format(value) for value in range(256)]
    rows = (
        separator.join([*map(text.__getitem__, row), classes[k]])
        for row, k in zip(map(bytes, images), labels, strict=True)
    )
    return ("\n".join(header) + "\n" + "\n".join(rows) + "\n").encode()


def _feature(index, name, data_type, is_target="false"):
    return {
        "index": str(index),
        "name": name,
        "data_type": data_type,
        "is_target": is_target,
        "is_ignore": "false",
        "is_row_identifier": "false",
        "number_of_missing_values": "0",
    }


def fill_cache(data_home, documents):
    """Write the documents to the cache of fetch_openml."""
    for path, content in documents.items():
        file = Path(data_home, "openml", "openml.org", f"{path}.gz")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(content, compresslevel=1))


@contextmanager
def online(documents, faults=()):
    """Serve the documents to every https request of this process; yield the request log.

    ``faults`` maps the beginning of a path to a list of what happens to its first
    requests: a status code, "cut" (the connection ends in the middle of the answer),
    "drop" (it ends before), or a function to call before answering.
    """
    log, faults = [], {path: list(what) for path, what in dict(faults).items()}

    def next_fault(path):
        for beginning, left in faults.items():
            if path.startswith(beginning) and left:
                return left.pop(0)
        return None

    def do_GET(handler):
        path = handler.path.lstrip("/")
        fault = next_fault(path)
        log.append(path)
        if fault == "drop":
            return
        if callable(fault):
            fault()
        status = fault if isinstance(fault, int) else 200
        if path not in documents:
            status = 412  # OpenML's status for "not found"
        content = gzip.compress(documents.get(path, b""), compresslevel=1)
        handler.send_response(status)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2] if fault == "cut" else content)

    with serving(do_GET) as port, routed_to(port):
        yield log


@contextmanager
def routed_to(port):
    """Send every https request of this process to a port of this machine instead."""

    class Detour(urllib.request.HTTPHandler):
        handler_order = 100  # before urllib's https handler

        def https_open(self, request):
            def connection(host, **options):
                return HTTPConnection("127.0.0.1", port, timeout=options["timeout"])

            return self.do_open(connection, request)

    no_proxy = urllib.request.ProxyHandler({})
    urllib.request.install_opener(urllib.request.build_opener(no_proxy, Detour))
    try:
        yield
    finally:
        urllib.request.install_opener(None)  # urlopen then uses its default again
