"""Every error the product raises on purpose; each service maps this table to its own status codes once."""

from pathlib import Path


class RadiosemError(Exception):
    """Root of the errors raised on purpose. Its text is fit to be shown to a user."""


class InputError(RadiosemError, ValueError):
    """An argument is unusable: the text names the argument, its value and what would be right."""


class MalformedFileError(InputError):
    """A file says what cannot be, or nothing that can be read.

    file, problem  the file, and what is wrong with it and what would be right
    """

    def __init__(self, file: Path, problem: str) -> None:
        super().__init__(file, problem)
        self.file, self.problem = file, problem

    def __str__(self) -> str:
        return f"{self.file} {self.problem}"


class FrameError(RadiosemError):
    """A frame cannot be parsed: truncated, altered, of another version, or not a frame at all."""


class DamagedFrameError(FrameError):
    """A frame's header was altered on the way; the same frame sent again may arrive whole."""


class UnknownCodecError(FrameError):
    """A frame names a codec or codebook that this receiver does not hold."""


class ChannelError(RadiosemError):
    """A burst of symbols cannot be turned back into a frame."""


class WeightsError(RadiosemError):
    """A weights file is missing, or differs from what the manifest promises."""


class DeliveryError(RadiosemError):
    """The receiver could not be reached, or refused the burst, within the deadline and the retries."""


class StoreError(RadiosemError):
    """The store cannot be opened or written."""
