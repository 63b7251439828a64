"""Uploads go to the spool sealed, chunk by chunk; none of their bytes touches the disk in the clear (S-07)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_protect

from kashu.web import errors
from kashu.web.middleware import is_plain
from kashu.wire import edge, spool
from kashu.wire.spool import Spooled, TooLargeError, Writer

IMAGE_BYTES_MAX = 8 << 20
IMAGE_FIELD = "image"
View = Callable[..., HttpResponseBase]


class SealedFile(UploadedFile):  # type: ignore[type-arg]  # generic in the stubs only
    """An upload that lies sealed in the spool."""

    def __init__(self, kept: Spooled, name: str) -> None:
        super().__init__(None, name, "application/octet-stream", kept.size)
        self.kept = kept
        self.is_kept = False  # a view that keeps the file says so

    def close(self) -> None:
        """Nothing of it is open; Django closes what it parsed."""


class SmallFile(UploadedFile):  # type: ignore[type-arg]  # same
    """A picture, in memory."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(None, name, "application/octet-stream", len(content))
        self.content = content

    def close(self) -> None:
        """Likewise."""


class NoUploads(FileUploadHandler):
    """Where no file is expected, none is read: not one byte of it reaches the disk."""

    def new_file(self, *args: Any, **told: Any) -> None:  # noqa: ARG002  # Django's signature
        raise StopUpload(connection_reset=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None: ...

    def file_complete(self, file_size: int) -> None: ...


def takes_files(view: View) -> View:
    """Let a view take files: below its check of rights, so that only those who may upload can fill the spool.

    The view reads them after its own `csrf_protect`; what it does not mark as kept is removed when it ends, and so is what
    had come of a form that broke off.
    """
    checked = csrf_protect(_plain(view))

    @functools.wraps(view)
    def taking(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        handler = SealedSpool(request)
        if request.method == "POST" and request.content_type == "multipart/form-data":
            request.upload_handlers = [handler]
        try:
            return checked(request, *args, **kwargs)
        finally:
            handler.clear()

    return taking


def _plain(view: View) -> View:
    @functools.wraps(view)
    def plain(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs) if is_plain(request.POST) else errors.bad_request(request)

    return plain


class SealedSpool(FileUploadHandler):
    """Card files to the spool, pictures to memory. What is too large stops the upload and leaves nothing."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self._writer: Writer | None = None
        self._finished: list[SealedFile] = []

    def new_file(self, *args: Any, **told: Any) -> None:
        super().new_file(*args, **told)
        self._picture = bytearray()
        self._writer = None if self.field_name == IMAGE_FIELD else Writer(edge.ctx().spool, edge.ctx().ring)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:  # noqa: ARG002  # Django's signature
        try:
            if self._writer is not None:
                self._writer.write(raw_data)
                return
            self._picture += raw_data
        except TooLargeError:
            self._discard()
            raise StopUpload(connection_reset=False) from None
        if len(self._picture) > IMAGE_BYTES_MAX:
            self._picture.clear()
            raise StopUpload(connection_reset=False)

    def file_complete(self, file_size: int) -> UploadedFile | None:  # type: ignore[type-arg]  # same  # noqa: ARG002  # Django's signature
        if self._writer is None:
            return SmallFile(bytes(self._picture), self.file_name or "")
        kept, self._writer = self._writer.finish(), None
        self._finished.append(SealedFile(kept, self.file_name or ""))
        return self._finished[-1]

    def upload_interrupted(self) -> None:
        self._discard()

    def clear(self) -> None:
        """Remove what nobody kept: files that came whole, and one that was still coming."""
        self._discard()
        for file in self._finished:
            if not file.is_kept:
                spool.remove(edge.ctx().spool, file.kept.name)

    def _discard(self) -> None:
        if self._writer is not None:
            self._writer.discard()
            self._writer = None
