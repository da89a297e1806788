"""An identity provider whose tokens say whatever a test wants: what no real one would sign."""

import base64
import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client

CLIENT, SECRET = "gateway", "a-secret-of-the-client"
KEYS = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]


class ForgingProvider:
    """Serves discovery, keys, tokens and UserInfo; ``claims``, ``key`` and ``header`` make the next ID token."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.claims: dict[str, Any] = {}
        self.document: dict[str, Any] = {}
        self.user_info: dict[str, Any] = {"sub": "u-1"}
        self.key: Any = KEYS[0]
        self.algorithm = "RS256"
        self.asked: list[dict[str, list[str]]] = []
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def log_in(self, client: Client, **claims: Any) -> Any:
        """Begin in a browser, let the provider answer with a token of these claims, and come back."""
        begun = client.get("/admin/single-sign-on/", {"next": "/admin/calls/leg/"})
        sent = parse_qs(begun.headers["Location"].partition("?")[2])
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": CLIENT, "sub": "u-1", "iat": now, "exp": now + 300}
        usual |= {"nonce": sent["nonce"][0], "preferred_username": "olga", "groups": ["gw-ops"]}
        self.claims = {name: value for name, value in (usual | claims).items() if value is not None}
        return client.get("/admin/single-sign-on/callback/", {"code": "c", "state": sent["state"][0]})

    def _token(self) -> str:
        return jwt.encode(self.claims, self.key, self.algorithm, headers={"kid": "k1"})

    def _keys(self) -> Mapping[str, Any]:
        modulus = KEYS[0].public_key().public_numbers().n.to_bytes(256, "big")
        encoded = base64.urlsafe_b64encode(modulus).rstrip(b"=").decode()
        key = {"kty": "RSA", "n": encoded, "e": "AQAB", "kid": "k1", "use": "sig", "alg": "RS256"}
        return {"keys": [key]}

    def _description(self) -> Mapping[str, Any]:
        places = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "jwks"}
        places["userinfo_endpoint"] = "me"
        addresses = {name: f"{self.issuer}/{word}" for name, word in places.items()}
        return {"issuer": self.issuer, **addresses, **self.document}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answers = {"/jwks": provider._keys(), "/me": provider.user_info}
                self._answer(answers.get(self.path, provider._description()))

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                provider.asked.append(form)
                self._answer({"access_token": "a", "token_type": "Bearer", "id_token": provider._token()})

            def _answer(self, document: Any) -> None:
                body = json.dumps(document).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        return Handler
