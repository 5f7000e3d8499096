"""Map id -> what a receiver serves of it over REST, as arrays and dictionaries."""

import io
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.errors import DeliveryError, InputError


class ReceiverClient:
    """Reads one receiver's `/v1`.

    url        such as http://127.0.0.1:8080
    timeout_s  for each request
    """

    def __init__(self, url: str, timeout_s: float = 20.0) -> None:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise InputError(f"receiver url is {url!r}; it must begin with http:// or https://")
        self.url, self.timeout_s = url.rstrip("/"), timeout_s

    def get(self, path: str, **query: object) -> bytes:
        """Body of GET `path`. raises DeliveryError naming the address and what came back."""
        address = f"{self.url}{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        try:
            with urllib.request.urlopen(address, timeout=self.timeout_s) as response:
                return bytes(response.read())
        except urllib.error.HTTPError as error:
            text = error.read(500).decode("utf-8", "replace")
            raise DeliveryError(f"GET {address} was answered {error.code}: {text}") from None
        except OSError as error:
            raise DeliveryError(f"GET {address} failed: {error}") from None

    def json(self, path: str) -> Any:
        """JSON body of GET `path`."""
        return json.loads(self.get(path))

    def npy(self, path: str, **query: object) -> NDArray[Any]:
        """Array of a `.npy` body."""
        return np.asarray(np.load(io.BytesIO(self.get(path, **query)), allow_pickle=False))

    def overlay(self, path: str) -> NDArray[np.bool_]:
        """Mask of a PNG body that is transparent where the mask is False. bool [H, W]"""
        image = cv2.imdecode(np.frombuffer(self.get(path), np.uint8), cv2.IMREAD_UNCHANGED)
        if image is None or image.ndim != 3 or image.shape[2] != 4:
            raise DeliveryError(f"GET {self.url}{path} did not answer with a PNG that has transparency")
        return np.asarray(image[:, :, 3] > 127)
