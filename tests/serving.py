"""A local HTTP server for tests."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serving(do_GET):
    """Serve with `do_GET`, a method of BaseHTTPRequestHandler; yield the port."""
    handler = type("Handler", (BaseHTTPRequestHandler,), {
        "do_GET": do_GET, "log_message": lambda *args: None,
    })  # fmt: skip
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
