"""A bucket for tests as the object store's own client speaks to it: as much of the JSON API as we use, in memory.

Belongs here: uploads, downloads, lists, deletions on loopback. Does not belong:
what is kept in it. DuckDB speaks another interface (`bucket`).
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

BOUNDARY = b"--==0=="


class JsonBucket:
    """Objects by `bucket/name`."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                _, described, content = body.split(BOUNDARY)[:3]
                name = json.loads(described.split(b"\n\n", 1)[1])["name"]
                key = f"{self.parts()[5]}/{name}"
                store.objects[key] = content.split(b"\n\n", 1)[1].removesuffix(b"\n")
                self.answer(200, store.describe(key))

            def do_GET(self) -> None:
                parts, query = self.parts(), parse_qs(urlsplit(self.path).query)
                if parts[1] == "download":
                    key = f"{parts[5]}/{parts[7]}"
                    content = store.objects.get(key)
                    return self.answer(404, b"") if content is None else self.answer(200, content)
                if len(parts) == 6:
                    prefix = f"{parts[4]}/{query.get('prefix', [''])[0]}"
                    names = sorted(key for key in store.objects if key.startswith(prefix))
                    return self.answer(200, {"items": [store.describe(key) for key in names]})
                key = f"{parts[4]}/{parts[6]}"
                return self.answer(200, store.describe(key)) if key in store.objects else self.answer(404, b"")

            def do_DELETE(self) -> None:
                parts = self.parts()
                found = store.objects.pop(f"{parts[4]}/{parts[6]}", None)
                self.answer(404 if found is None else 204, b"")

            def parts(self) -> list[str]:
                return [unquote(part) for part in urlsplit(self.path).path.split("/")]

            def answer(self, status: int, body: dict | bytes) -> None:
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header(
                    "Content-Type", "application/octet-stream" if isinstance(body, bytes) else "application/json"
                )
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def describe(self, key: str) -> dict[str, str]:
        """An object as the store lists it."""
        bucket, _, name = key.partition("/")
        return {"kind": "storage#object", "bucket": bucket, "name": name, "size": str(len(self.objects[key]))}

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
