"""A simulated recorder that writes files as Asterisk's MixMonitor does under FreePBX: for tests and demonstrations."""

import os
from datetime import datetime, tzinfo
from pathlib import Path

import msgspec

#: The head of a WAV file: 8 kHz, 16 bit, one channel.
_HEAD = b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0@\x1f\0\0\x80>\0\0\x02\0\x10\0data\0\0\0\0"


class LiveFile(msgspec.Struct):
    """A recording in progress."""

    place: Path
    began: datetime


class SimulatedFileRecorder:
    """Write a file for each recorded call. ``zone``: of the times in the names."""

    def __init__(self, root: Path, zone: tzinfo) -> None:
        self.root, self.zone = root, zone
        self.live: dict[str, LiveFile] = {}
        self._calls = 0

    def connected(self, extension: str, now: datetime, other: str = "441632960100") -> Path:
        """Begin a recording at an extension and return its file; one in progress there ends."""
        self.disconnected(extension, now)
        self._calls += 1
        local = now.astimezone(self.zone)
        unique = f"{int(now.timestamp())}.{self._calls}"
        folder = self.root / local.strftime("%Y/%m/%d")
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / f"external-{extension}-{other}-{local:%Y%m%d}-{local:%H%M%S}-{unique}.wav"
        place.write_bytes(_HEAD)
        self.live[extension] = LiveFile(place, now)
        self.goes_on(now)
        return place

    def goes_on(self, now: datetime) -> None:
        """Let every recording in progress be written to, as sound comes."""
        for one in self.live.values():
            with one.place.open("ab") as file:
                file.write(bytes(320))
            os.utime(one.place, (now.timestamp(), now.timestamp()))

    def disconnected(self, extension: str, now: datetime) -> None:
        """End the recording at an extension, if one is in progress."""
        one = self.live.pop(extension, None)
        if one is not None:
            os.utime(one.place, (now.timestamp(), now.timestamp()))
