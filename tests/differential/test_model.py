"""A model goes to mlforge and comes back. It is here because only this environment has what models are made of."""

import os
import subprocess
import sys
from pathlib import Path

from server import Server


def test_a_logged_and_registered_model_loads_by_every_name(tmp_path):
    server = Server(tmp_path / "data")
    try:
        project = server.new_project("team/models")
        names = {"MLFLOW_TRACKING_URI": project.uri, "MLFLOW_TRACKING_TOKEN": project.token}
        script = Path(__file__).with_name("model.py")
        ran = subprocess.run(
            [sys.executable, str(script)],
            env={**os.environ, **names},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr[-3000:]
        assert "6 names lead to the model" in ran.stdout
    finally:
        server.stop()
