"""A bucket for tests: as much of the object store's XML interface as DuckDB speaks, in memory, on loopback."""

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

XML = '<?xml version="1.0" encoding="UTF-8"?>'


class Bucket:
    """Objects by name. `requests` counts them by method; unsigned ones are refused."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.requests: dict[str, int] = {}
        bucket = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                bucket.requests[self.command] = bucket.requests.get(self.command, 0) + 1
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size)
                url = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
                if "KEY" not in self.headers.get("Authorization", ""):
                    return self.answer(403, b"")
                status, data, headers = bucket.answer(self.command, unquote(url.path), query, body, self.headers)
                return self.answer(status, data, **headers)

            def answer(self, status: int, data: bytes, **headers: str) -> None:
                self.send_response(status)
                length = headers.pop("length", str(len(data)))
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", length)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, name: str, query: dict, body: bytes, headers) -> tuple[int, bytes, dict[str, str]]:
        """What the store says to one request."""
        if method == "POST" and "uploads" in query:
            upload = hashlib.sha256(name.encode()).hexdigest()
            self.parts[upload] = {}
            text = f"{XML}<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            return 200, text.encode(), {}
        if method == "PUT":
            if "uploadId" in query:
                self.parts[query["uploadId"]][int(query["partNumber"])] = body
            else:
                self.objects[name] = body
            return 200, b"", {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}
        if method == "POST" and "uploadId" in query:
            parts = self.parts.pop(query["uploadId"])
            self.objects[name] = b"".join(parts[number] for number in sorted(parts))
            text = f"{XML}<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"
            return 200, text.encode(), {}
        if method == "POST" and "delete" in query:
            prefix = "/" + name.strip("/").split("/")[0] + "/"
            for key in re.findall(r"<Key>(.*?)</Key>", body.decode()):
                self.objects.pop(prefix + key, None)
            return 200, f"{XML}<DeleteResult></DeleteResult>".encode(), {}
        if method == "DELETE":
            self.objects.pop(name, None)
            return 204, b"", {}
        if method == "GET" and "list-type" in query:
            return 200, self._listing(name, query).encode(), {}
        data = self.objects.get(name)
        if data is None:
            return 404, b"", {}
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("Range", ""))
        common = {"ETag": '"x"', "Last_Modified": "Sat, 01 Jan 2022 00:00:00 GMT", "Accept_Ranges": "bytes"}
        if method == "HEAD":
            return 200, b"", {**common, "length": str(len(data))}
        if found:
            first = int(found[1])
            last = min(int(found[2]) if found[2] else len(data) - 1, len(data) - 1)
            return 206, data[first : last + 1], {**common, "Content_Range": f"bytes {first}-{last}/{len(data)}"}
        return 200, data, common

    def _listing(self, name: str, query: dict) -> str:
        root = "/" + name.strip("/").split("/")[0] + "/"
        keys = [key.removeprefix(root) for key in self.objects if key.startswith(root + query.get("prefix", ""))]
        rows = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2022-01-01T00:00:00.000Z</LastModified><ETag>x</ETag>"
            f"<Size>{len(self.objects[root + key])}</Size></Contents>"
            for key in sorted(keys)
        )
        return f"{XML}<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"
