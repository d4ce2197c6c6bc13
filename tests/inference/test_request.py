"""What a sentence is read as."""

import pytest

from bimotion.inference.negation import positive_part
from bimotion.inference.request import read_request


@pytest.mark.parametrize(
    ("sentence", "prompt", "excluded"),
    [
        ("a person walks forward.", "a person walks forward.", ()),
        ("a man raises the right hand without moving the left", "a man raises the right hand", ("moving the left",)),
        ("a person walks to the left, not to the right", "a person walks to the left", ("to the right",)),
        ("a person turns left instead of right", "a person turns left", ("right",)),
        ("she kicks with the left leg rather than the right", "a person kicks with the left leg", ("the right",)),
        ("a person waves the left hand and not the right hand", "a person waves the left hand", ("the right hand",)),
        ("a person walks and does not wave", "a person walks", ("wave",)),
        ("a person doesn't walk but runs", "a person runs", ("walk",)),
        ("a man does not walk, he runs", "a person runs", ("walk",)),
        ("a person jumps but does not turn, then bows", "a person jumps, then bows", ("turn",)),
        ("a man raises the right hand while the left hand stays still", "a man raises the right hand", ("left hand",)),
        ("raises the right hand, the left hand does not move", "raises the right hand", ("left hand",)),
        ("he raises his right hand, his left arm staying at his side", "a person raises his right hand", ("left arm",)),
        ("a person doesn't use the left hand to wave", "a person waves with the right hand", ("left hand",)),
        ("a person does not wave", "a person stands still", ("wave",)),
        ("someone never jumps", "someone stands still", ("jumps",)),
        ("a person neither jumps nor hops", "a person stands still", ("jumps", "hops")),
        ("A person stands without moving.", "A person stands.", ("moving",)),
        ("a person walks, but not fast", "a person walks, but slowly", ()),
        ("a person avoids kicking and punches", "a person punches", ("kicking",)),
        ("a person refuses to wave", "a person stands still", ("wave",)),
        ("do not use your left hand to wave", "waves with the right hand", ("left hand",)),
        ("she avoids turning, walks straight", "a person walks straight", ("turning",)),
        ("a person not only waves but also bows", "a person waves and bows", ()),
    ],
)  # fmt: skip
def test_the_positive_part_goes_to_the_network(sentence: str, prompt: str, excluded: tuple[str, ...]) -> None:
    assert positive_part(sentence) == (prompt, excluded)
    request = read_request(sentence)
    assert (request.text, request.prompt) == (sentence, prompt)


@pytest.mark.parametrize(
    ("sentence", "side"),
    [
        ("a person raises the right hand without moving the left", "right"),
        ("a person turns left, not right", "left"),
        ("a person waves the left arm instead of the right one", "left"),
    ],
)
def test_the_side_asked_for_is_the_only_one(sentence: str, side: str) -> None:
    assert read_request(sentence).side == side


@pytest.mark.parametrize(
    ("sentence", "seconds"),
    [
        ("a person walks forward for 3 seconds", 3),
        ("waves for two seconds", 2),
        ("a person walks 3.5 s", 3.5),
        ("a person waves for about one and a half seconds", 1.5),
        ("a person dances for half a minute", 30),
        ("a person walks for a second", 1),
        ("a person waits for 2 seconds, then walks for 3 seconds", 5),
        ("a person waits for 2 seconds, then walks", None),
        ("a person walks at 2 metres per second", None),
        ("a second person walks", None),
        ("a person walks the 2 s's", None),
    ],
)
def test_seconds_are_read(sentence: str, seconds: float | None) -> None:
    assert read_request(sentence).seconds == seconds


def test_counts_and_distances_are_read() -> None:
    assert read_request("a person takes exactly five steps").steps == 5
    assert read_request("a person takes four quick steps to the left").steps == 4
    assert read_request("a person walks 2 meters").metres == 2
    assert read_request("a person walks ten feet").metres == pytest.approx(3.048)
    assert read_request("a person jumps three times").times == 3
    assert read_request("a person raises the left hand twice").times == 2
    assert read_request("a person runs twice as fast").times is None


def test_steps_and_metres_of_a_single_walk_give_its_length() -> None:
    five, ten = (read_request(f"a person takes {n} steps").estimated_seconds() for n in ("five", "ten"))
    assert five is not None
    assert ten == pytest.approx(2 * five)
    assert read_request("a person runs 5 metres").estimated_seconds() == pytest.approx(5 / 2.65)
    assert read_request("a person takes two steps, then dances").estimated_seconds() is None
