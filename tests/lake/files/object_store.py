"""A bucket for tests: as much of Google Cloud Storage's JSON interface as gcsfs speaks, in memory, on loopback."""

import json
import re
import threading
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class ObjectStore:
    """Objects by (bucket, name). `requests` lists them as (method, name)."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.requests: list[tuple[str, str]] = []
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                url = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
                status, data = store.answer(self.command, url.path, query, body, self.headers.get("Content-Type", ""))
                if status == 200 and (asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))):
                    end = int(asked[2]) + 1 if asked[2] else len(data)
                    status, data = 206, data[int(asked[1]) : end]
                self.send_response(status)
                self.send_header("Content-Type", "application/json" if data[:1] == b"{" else "application/octet-stream")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = handle_any

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, query: dict, body: bytes, content_type: str) -> tuple[int, bytes]:
        """What the store says to one request."""
        parts = path.split("/")
        bucket = unquote(parts[parts.index("b") + 1])
        name = unquote(path.split("/o/", 1)[1]) if "/o/" in path else ""
        if method == "POST":
            metadata, content = self._uploaded(body, content_type)
            self.requests.append((method, metadata["name"]))
            self.objects[bucket, metadata["name"]] = content
            return 200, json.dumps(self._entry(bucket, metadata["name"])).encode()
        self.requests.append((method, name))
        if not name:
            return 200, json.dumps(self._listing(bucket, query)).encode()
        if (bucket, name) not in self.objects:
            return 404, b'{"error": {"code": 404, "message": "Not Found"}}'
        if method == "DELETE":
            del self.objects[bucket, name]
            return 204, b""
        if query.get("alt") == "media":
            return 200, self.objects[bucket, name]
        return 200, json.dumps(self._entry(bucket, name)).encode()

    def _uploaded(self, body: bytes, content_type: str) -> tuple[dict[str, Any], bytes]:
        parts = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body).get_payload()
        # The parser may add or drop a last line end: the content is cut out of the body itself.
        boundary = content_type.split("boundary=")[1].strip("'\"").encode()
        content = body.split(b"--" + boundary)[2].split(b"\n\n", 1)[1].removesuffix(b"\n")
        return json.loads(parts[0].get_payload()), content

    def _entry(self, bucket: str, name: str) -> dict[str, Any]:
        size = str(len(self.objects[bucket, name]))
        return {
            "kind": "storage#object",
            "bucket": bucket,
            "name": name,
            "size": size,
            "updated": "2026-01-01T00:00:00Z",
        }

    def _listing(self, bucket: str, query: dict) -> dict[str, Any]:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        names = sorted(name for where, name in self.objects if where == bucket and name.startswith(prefix))
        deeper = [name for name in names if delimiter and delimiter in name[len(prefix) :]]
        folders = sorted({prefix + name[len(prefix) :].split(delimiter)[0] + delimiter for name in deeper})
        items = [self._entry(bucket, name) for name in names if name not in deeper]
        return {"kind": "storage#objects", "items": items, "prefixes": folders}
