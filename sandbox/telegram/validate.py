"""Calls of the Bot API, decoded and checked against aiogram's typed methods.

The Bot API takes JSON bodies, URL-encoded and multipart forms, and the query string; in all but JSON, values
that are not strings are JSON texts. Each call is decoded once and validated once. An unknown parameter, at
any depth, is refused: the stand-in is stricter than Telegram here, so a misspelt parameter does not go
unnoticed.
"""

import json
import re
import types
import typing
from dataclasses import dataclass
from typing import Final

from aiogram.methods import TelegramMethod
from aiogram.types import BufferedInputFile, InputFile
from aiogram.types.base import TelegramObject
from aiohttp import web
from pydantic import BaseModel, ValidationError

from sandbox.telegram.wire import JsonDict, bad_request

M = typing.TypeVar("M", bound=TelegramMethod[typing.Any])
_NUMBER: Final = re.compile(r"-?\d+\Z")
_EMPTY: Final = {"text": "message text is empty", "chat_id": "chat_id is empty"}


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a call: `form` says whether values that are not strings came as JSON texts."""

    values: JsonDict
    files: dict[str, BufferedInputFile]
    form: bool


@dataclass(frozen=True, slots=True)
class Signature(typing.Generic[M]):
    """How to read a call of one method."""

    model: type[M]
    verbatim: frozenset[str]
    names: frozenset[str]
    file_fields: frozenset[str]

    @classmethod
    def of(cls, model: type[M]) -> "Signature[M]":
        """Derive it from aiogram's model."""
        kinds = {name: _flat(field.annotation) for name, field in model.model_fields.items()}
        return cls(
            model,
            frozenset(name for name, kind in kinds.items() if str in kind),
            frozenset(kinds),
            frozenset(name for name, kind in kinds.items() if InputFile in kind),
        )

    def read(self, parameters: Parameters) -> M:
        """Return the validated call; raises the 400 refusal."""
        values = parameters.values
        for name in values:
            if name not in self.names:
                raise bad_request(f'unknown parameter "{name}"')
        if parameters.form:
            values = {name: self._decoded(name, value) for name, value in values.items()}
        if parameters.files:
            values = values | self._files(values, parameters.files)
        chat_id = values.get("chat_id")
        if isinstance(chat_id, str) and _NUMBER.match(chat_id):
            values = values | {"chat_id": int(chat_id)}
        try:
            call = self.model.model_validate(values)
        except ValidationError as error:
            raise _refusal(error) from None
        unknown = _unknown(call)
        if unknown is not None:
            raise bad_request(f'unknown parameter "{unknown}"')
        return call

    def _decoded(self, name: str, value: str) -> object:
        if name in self.verbatim:
            return value
        try:
            decoded: object = json.loads(value)
        except ValueError:
            if value.startswith(("{", "[")):
                raise bad_request(f"can't parse {name} JSON object") from None
            return value
        return decoded

    def _files(self, values: JsonDict, files: dict[str, BufferedInputFile]) -> JsonDict:
        named: JsonDict = {}
        used = set()
        for field in self.file_fields:
            value = values.get(field)
            attached = value.removeprefix("attach://") if isinstance(value, str) else field
            if attached in files:
                named[field] = files[attached]
                used.add(attached)
        for field, value in values.items():
            # An InputMedia names its upload one level down (core.telegram.org/bots/api#inputmediaphoto).
            inner = value.get("media") if isinstance(value, dict) else None
            attached = inner.removeprefix("attach://") if isinstance(inner, str) else ""
            if attached in files:
                named[field] = value | {"media": files[attached]}
                used.add(attached)
        if unused := files.keys() - used:
            raise bad_request(f'unknown parameter "{min(unused)}"')
        return named


async def received(request: web.Request, most_bytes: int) -> Parameters:
    """Read the parameters of a call from the query string and the body.

    Raises the 400 refusal for a body that is not what it says, 413 by aiohttp for one that is too long, and
    400 for a file above `most_bytes`.
    """
    values: JsonDict = dict(request.query)
    if not request.can_read_body:
        return Parameters(values, {}, form=True)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.read())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            what = "can't parse JSON object"
            raise bad_request(what)
        return Parameters(values | body, {}, form=False)
    files: dict[str, BufferedInputFile] = {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            content = value.file.read()
            if len(content) > most_bytes:
                raise bad_request("file is too big")
            files[name] = BufferedInputFile(content, value.filename)
        elif isinstance(value, str):
            values[name] = value
        else:
            files[name] = BufferedInputFile(bytes(value), name)
    return Parameters(values, files, form=True)


def _flat(annotation: object) -> set[object]:
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        return set().union(*(_flat(part) for part in typing.get_args(annotation)))
    return {annotation}


def _refusal(error: ValidationError) -> Exception:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "missing":
        top = len(first["loc"]) == 1
        return bad_request(_EMPTY.get(name, f'parameter "{name}" is required') if top else f"can't parse {name}")
    return bad_request(f"can't parse {name}: {first['msg']}")


def _unknown(model: BaseModel) -> str | None:
    if extra := model.__pydantic_extra__:
        return str(next(iter(extra)))
    for name in model.model_fields_set:
        found = _unknown_in(getattr(model, name))
        if found is not None:
            return found
    return None


def _unknown_in(value: object) -> str | None:
    if isinstance(value, TelegramObject):
        return _unknown(value)
    if isinstance(value, list):
        for item in value:
            found = _unknown_in(item)
            if found is not None:
                return found
    return None
