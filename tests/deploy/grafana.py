"""Stands in for Grafana in its container: looks whether what it's given is there and can be read,
and tells whoever asks it on port 3000, as JSON: a list of what isn't well.

Doesn't know what Grafana does with it. Runs by itself, with nothing but Python.
"""

import http.server
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

PROVISIONING = Path("/etc/grafana/provisioning")
DATA = Path("/var/lib/grafana")


def ills() -> Iterator[str]:
    """What isn't well, in words."""
    sources = sorted(PROVISIONING.glob("datasources/*.yml"))
    boards = sorted(PROVISIONING.glob("dashboards/*.yml"))
    if not sources or not boards:
        yield f"{PROVISIONING} has no sources, or no boards"
    secrets = [os.environ["GF_SECURITY_ADMIN_PASSWORD__FILE"]]
    for source in sources:
        secrets += re.findall(r"\$__file\{(.+?)\}", source.read_text())
    for secret in secrets:
        if not Path(secret).read_text().strip():
            yield f"{secret} is empty"
    for board in boards:
        for folder in re.findall(r"\bpath: (\S+)", board.read_text()):
            if not sorted(Path(folder).glob("*.json")):
                yield f"{folder} has no dashboards"
    json.loads(Path(os.environ["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]).read_text())
    (DATA / "grafana.db").write_text("")
    for folder in (PROVISIONING, DATA / "dashboards", Path("/")):
        if os.access(folder, os.W_OK):
            yield f"{folder} can be written"


class Answers(http.server.BaseHTTPRequestHandler):
    """Everybody gets the list."""

    def do_GET(self) -> None:
        try:
            found = list(ills())
        except (OSError, ValueError, KeyError) as e:
            found = [f"{type(e).__name__}: {e}"]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())


if __name__ == "__main__":
    http.server.HTTPServer(("", 3000), Answers).serve_forever()
