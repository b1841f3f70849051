"""The examples in the reader's browser: notebooks of JupyterLite, whose kernel is Pyodide.

sphinx-gallery adds a button to each page, which opens its notebook. `skmlp` itself is installed
there from a wheel that is built with the pages and served beside them; other packages come from
Pyodide and PyPI.
"""

import re
import subprocess
import sys
from pathlib import Path

__all__ = ["NOT_IN_BROWSER", "PACKAGES", "build_wheel", "for_browser", "replace_button"]

ROOT = Path(__file__).parents[1]

# Examples whose pages have no button, and why.
NOT_IN_BROWSER = {
    "plot_beyond_memory": "there, files are in memory too",
    "plot_callbacks": "callbacks need scikit-learn 1.9, and Pyodide 314 has 1.8",
    "plot_onnx": "Pyodide has neither skl2onnx nor onnxruntime",
    "plot_resuming": "there, no other process can be started",
    "plot_table_to_service": "Pyodide has neither skl2onnx nor onnxruntime",
}
# What the others need besides skmlp[plot] and the packages that the kernel takes from Pyodide when
# they are imported.
PACKAGES = {
    "plot_dask": ["dask[array]"],
    "plot_frame": ["palmerpenguins"],
    "plot_saving": ["skops"],
}
BUTTON = re.compile(r"^( *)\.\. container:: lite-badge\n(?:\n|\1 .*\n)*", re.MULTILINE)


def build_wheel(app, config):
    """Build the wheel that is served with the pages; needs no network."""
    folder = Path(app.srcdir, "generated", "pypi")  # where JupyterLite looks for wheels
    for old in folder.glob("*.whl"):
        old.unlink()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)


def for_browser(content, path):
    """Put two cells in front of a notebook: what it runs on, and the packages that it needs."""
    packages = ["skmlp[plot]", *PACKAGES.get(Path(path).stem, [])]
    text = (
        "This notebook runs in your browser, with JupyterLite and Pyodide: in one thread, and more "
        "slowly than outside of it. The next cell installs the packages; that takes some seconds."
    )
    code = f"%pip install -q {' '.join(packages)}"
    content["cells"] = [
        {"cell_type": "markdown", "metadata": {}, "source": [text]},
        {
            "cell_type": "code", "metadata": {}, "source": [code], "outputs": [],
            "execution_count": None,
        },
        *content["cells"],
    ]  # fmt: skip


def replace_button(app, name, source):
    """On the page of an example that does not run in a browser, say why there is no button."""
    reason = NOT_IN_BROWSER.get(name.rpartition("/")[2])
    if reason is None or not name.startswith("generated/"):
        return
    text = rf"\1This example does not run in a browser: {reason}.\n\n"
    source[0], n_buttons = BUTTON.subn(text, source[0])
    assert n_buttons == 1, f"{name} has {n_buttons} buttons of JupyterLite"
    source[0] = source[0].replace(" or to run this example in your browser via JupyterLite", "")
