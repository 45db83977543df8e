"""Names of files that nobody gave: clients, cameras and scanners call many files so, whatever is in them (V3). Pure.

What is pasted into a message is image.png or blob in every browser; so it is no version of what was pasted before.
"""

from __future__ import annotations

import re

_ONE_WORD = """
    image images img picture pic photo video vid movie mov clip gif animation audio sound voice recording
    screenshot capture snapshot camera sticker thumbnail file blob data media attachment upload download content
    document stream temp tmp paste pasted clipboard untitled unnamed unknown noname scan
    fullsizerender unbenannt
    dsc dscn dscf mvi pxl cimg gopr dji m.file m.image m.video m.audio
"""
_MORE_WORDS = (
    "voice message",
    "voice note",
    "voice recording",
    "new recording",
    "sans titre",
    "audio recording",
    "screen recording",
    "screen shot",
    "pasted image",
    "pasted file",
    "pasted graphic",
    "pasted text",
    "clipboard image",
    "image from clipboard",
    "no name",
    "new document",
    "untitled document",
    "scanned document",
    "scanned documents",
)
_ELSEWHERE = """
    bild foto aufnahme bildschirmfoto sprachnachricht datei dokument ohne_titel
    capture_d'écran capture_d’écran message_vocal fichier sans_nom
    captura_de_pantalla captura imagen nota_de_voz mensaje_de_voz archivo sin_título sin_nombre documento
    schermata immagine messaggio_vocale nota_vocale senza_titolo
    schermafbeelding afbeelding spraakbericht naamloos
    captura_de_tela captura_de_ecrã imagem mensagem_de_voz sem_título
    skärmbild skärmavbild röstmeddelande namnlös skærmbillede billede talebesked skjermbilde bilde talemelding
    zrzut_ekranu obraz zdjęcie
    снимок_экрана скриншот изображение фото голосовое_сообщение
    截屏 截图 屏幕截图 图片 图像 語音訊息 螢幕截圖 圖片 スクリーンショット 画像 写真 스크린샷 이미지 사진
"""
"""The same in other languages."""
_SERVICES = "tenor giphy att"
"""Those of makers of small films, and of mail programs for what has no name."""
_NAMES = frozenset(
    (*_ONE_WORD.split(), *_MORE_WORDS, *_SERVICES.split(), *(one.replace("_", " ") for one in _ELSEWHERE.split()))
)
_COUNTER = re.compile(r"(?<![ _-])[ _-]*+\(?[0-9]{1,6}\)?\Z")
_LONGEST_END = 5


def is_nobodys(name_key: str) -> bool:
    """Whether a name, folded as `files.name_key` does, is one of those, with or without a counter and a type."""
    stem, dot, end = name_key.rpartition(".")
    names = (name_key, stem) if dot and len(end) <= _LONGEST_END else (name_key,)
    return any(" ".join(re.split(r"[ _-]+", _COUNTER.sub("", one))).strip() in _NAMES for one in names)
