from pathlib import Path

import pytest

from bimotion.errors import ConfigError
from bimotion.inference.timeline import Phrase, check_phrases, parse_phrase, read_timeline


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("walks forward @3", Phrase("walks forward", 3.0)),
        ("walks forward@2.5s", Phrase("walks forward", 2.5)),
        ("  sits   down @ 4 seconds", Phrase("sits down", 4.0)),
        ("geht @1,5", Phrase("geht", 1.5)),
        ("waves", Phrase("waves")),
    ],
)
def test_a_phrase_has_its_seconds_after_the_at(text: str, phrase: Phrase) -> None:
    assert parse_phrase(text) == phrase


@pytest.mark.parametrize("text", ["", " ", "@3", " @3", "walks @", "walks @three", "walks @0", "walks @-1"])
@pytest.mark.parametrize("tail", ["", "\n"])
def test_a_phrase_without_sentence_or_seconds_is_refused(text: str, tail: str) -> None:
    with pytest.raises(ConfigError):
        parse_phrase(text + tail)


@pytest.mark.parametrize("value", ["walks", [], [("walks", float("nan"))], None, [None]])
def test_what_is_no_list_of_phrases_is_refused(value: object) -> None:
    with pytest.raises(ConfigError):
        check_phrases(value)


def written(folder: Path, text: str) -> Path:
    file = folder / "story.txt"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_timeline_file_gives_sentences_and_lengths(tmp_path: Path) -> None:
    file = written(tmp_path, "a person walks # 0.0 # 3.5\n\nsits down # 3.5 # 7.5 #\nwaves#7.52#9\n")
    phrases = read_timeline(file)
    assert [phrase.text for phrase in phrases] == ["a person walks", "sits down", "waves"]
    assert [phrase.seconds for phrase in phrases] == pytest.approx([3.5, 4.0, 1.48])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("walks # 0 # 3\nsits # 2 # 4", "'sits' starts at 2 s, before 'walks' ends at 3 s"),
        ("walks # 0 # 3\nsits # 4 # 6", "nothing is written for 3 to 4 s, before 'sits'"),
        ("walks # 1 # 3", "nothing is written for 0 to 1 s"),
        ("walks # 3 # 0", "expected 0 <= start < end"),
        ("walks # 0 # 3 # left arm", "body parts"),
        ("walks # 0", "story.txt:1: expected 'sentence # start # end'"),
        ("walks # 0 # 2\n # 2 # 3", "story.txt:2: expected"),
        ("walks # zero # 3", "expected 'sentence # start # end'"),
        ("walks # nan # 3", "expected 'sentence # start # end'"),
        ("", "got none"),
    ],
)
def test_an_impossible_timeline_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read_timeline(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_timeline_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such timeline file"):
        read_timeline(tmp_path / "none.txt")
