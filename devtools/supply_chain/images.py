"""Pin the images of docker-compose.yml by digest: ask their registry what each tag is now."""

import hashlib
import re
from collections.abc import Iterator

import requests

from launcher.paths import ROOT

REGISTRY = "https://registry-1.docker.io"
#: Timeout of a request to the registry, in seconds.
TIMEOUT = 20
#: An image for several machines is a list of images; its digest fits all of them.
KINDS = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
_IMAGE = re.compile(r"\$\{(\w+_IMAGE):-([\w./-]+:[\w.-]+)\}")
_FIELD = re.compile(r'(\w+)="([^"]*)"')


class ImageUnresolved(Exception):
    """The registry does not say what a tag is; try again when it can be reached."""

    retryable = True


def tagged_images() -> dict[str, str]:
    """Return the images that are named by tag, by the variable that replaces each."""
    return dict(_IMAGE.findall((ROOT / "docker-compose.yml").read_text()))


def pinned(registry: str = REGISTRY) -> Iterator[str]:
    """Yield a line for ``.env`` for each image, with its digest. Raises ``ImageUnresolved``."""
    for name, image in tagged_images().items():
        yield f"{name}={image}@{digest(image, registry)}"


def digest(image: str, registry: str = REGISTRY) -> str:
    """Return the digest of a tag, computed from what the registry serves. Raises ``ImageUnresolved``."""
    name, _, tag = image.rpartition(":")
    repository = name if "/" in name else f"library/{name}"
    try:
        answer = _ask(f"{registry}/v2/{repository}/manifests/{tag}")
        answer.raise_for_status()
    except requests.RequestException as error:
        raise ImageUnresolved(f"{image}: {type(error).__name__}") from error
    found = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
    if answer.headers.get("Docker-Content-Digest", found) != found:
        raise ImageUnresolved(f"{image}: the registry served something else than its digest says")
    return found


def _ask(address: str) -> requests.Response:
    """Ask for a manifest, with the token that the registry sends a stranger to fetch."""
    headers = {"Accept": KINDS}
    answer = requests.get(address, headers=headers, timeout=TIMEOUT)
    if answer.status_code != requests.codes.unauthorized:
        return answer
    asked = dict(_FIELD.findall(answer.headers.get("WWW-Authenticate", "")))
    token = requests.get(asked.pop("realm", ""), params=asked, timeout=TIMEOUT).json()["token"]
    return requests.get(address, headers={**headers, "Authorization": f"Bearer {token}"}, timeout=TIMEOUT)
