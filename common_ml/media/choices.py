"""Options for reading media files: which stream to read, and how to treat damage."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from common_ml.context import current

if TYPE_CHECKING:
    from collections.abc import Iterator

DamagePolicy = Literal["tolerate", "fail"]
"""tolerate: what can be decoded is used, and one warning says what is lost. fail: that is an error,
after all that can be decoded."""


@dataclass(frozen=True)
class Choices:
    """Which streams of a file are read, and how strictly."""

    damage: DamagePolicy = "tolerate"
    """How a file is treated of which a part cannot be decoded."""
    video_stream: int | str | None = None
    """The stream of pictures: its place among them, >= 0, or its language (ISO 639); None for the
    file's own default."""
    audio_stream: int | str | None = None
    """The stream of sound, in the same way."""

    def __post_init__(self) -> None:
        if self.damage not in get_args(DamagePolicy):
            known = " or ".join(map(repr, get_args(DamagePolicy)))
            raise ValueError(f"damage must be {known}, got {self.damage!r}")
        for name in ("video_stream", "audio_stream"):
            value = getattr(self, name)
            if value is not None and not _is_stream(value):
                raise ValueError(f"{name} must be a place >= 0 or a language, got {value!r}")


_DEFAULTS = Choices()


def in_force() -> Choices:
    """Return the options that are in force now, in any thread."""
    return current().setting(Choices) or _DEFAULTS


@contextmanager
def reading(choices: Choices) -> Iterator[None]:
    """Read the files in the block by `choices`, whichever thread reads them."""
    with current().replacing(choices):
        yield


def same_language(one: str, other: str) -> bool:
    """Whether two codes of ISO 639 name one language: `de`, `deu`, `ger` and `de-AT` do."""
    return bool(one and other) and _terminological(one) == _terminological(other)


def _terminological(code: str) -> str:
    code = code.lower().replace("_", "-").split("-")[0]
    code = _BIBLIOGRAPHIC.get(code, code)
    return code if len(code) == 2 else _TWO_LETTERS.get(code, code)


def _is_stream(value: object) -> bool:
    if isinstance(value, str):
        return bool(value)
    return type(value) is int and value >= 0


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


# ISO 639-2: the codes for bibliographies that differ from the ones for terminology.
_BIBLIOGRAPHIC = _pairs(
    "alb=sqi arm=hye baq=eus bur=mya chi=zho cze=ces dut=nld fre=fra geo=kat ger=deu gre=ell"
    " ice=isl mac=mkd mao=mri may=msa per=fas rum=ron slo=slk tib=bod wel=cym"
)
# ISO 639-1, for the languages that media are commonly marked with.
_TWO_LETTERS = _pairs(
    "ara=ar bul=bg cat=ca ces=cs cym=cy dan=da deu=de ell=el eng=en est=et eus=eu fas=fa fin=fi"
    " fra=fr glg=gl heb=he hin=hi hrv=hr hun=hu hye=hy ind=id isl=is ita=it jpn=ja kat=ka kor=ko"
    " lav=lv lit=lt mkd=mk msa=ms mya=my nld=nl nor=no pol=pl por=pt ron=ro rus=ru slk=sk slv=sl"
    " spa=es sqi=sq srp=sr swe=sv tam=ta tel=te tha=th tur=tr ukr=uk urd=ur vie=vi zho=zh"
)
