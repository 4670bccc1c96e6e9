"""The API for programs, `/api/v1`: what may be asked, of whom, and how it's answered.

    request ─> Api ─> a row of ROUTES: scope, what it takes ─> its function ─> a value as JSON
                                       └─ the same rows ─────> openapi.json

`values` has what comes and goes, `routes` the table and its functions, `api` the way through,
`events` what goes on for long, `openapi` the description.
"""

from node.http.api.api import Api
from node.http.api.routes import Parts

__all__ = ["Api", "Parts"]
